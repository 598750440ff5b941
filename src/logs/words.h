/*
 * words: engine arguments as logs and people write them: "enable_lora=True; max_lora_rank=64", "--block-size=128",
 * "SpeculativeConfig(method='mtp', num_spec_tokens=3)", a Python dict.
 */
#ifndef SF_LOGS_WORDS_H
#define SF_LOGS_WORDS_H

#include "engine/args.h"

/* Sets what the accounting reads; words that it does not are listed.  Values that cannot be read are listed too. */
sf_code sf_words_args(sf_arena *a, sf_str text, sf_args *args, const sf_str **ret_ignored, size_t *ret_n);
/* Sets one argument from the text of a Python value; an empty text or one that cannot be read leaves it alone. */
sf_code sf_words_value(sf_arena *a, sf_str text, sf_arg arg, sf_args *args);

#endif
