/* nearest: names that are similar, or none. */
#include "base/nearest.h"
#include "test.h"

static void test_nearest(void **state)
{
    static const char *const names[] = {
        "Qwen/Qwen2.5-3B",         "Qwen/Qwen3-8B",     "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V2",
        "deepseek-ai/DeepSeek-R1", "google/gemma-2-2b", "google/gemma-2-27b", "microsoft/phi-2",
        "Qwen3ForCausalLM",        "Qwen2ForCausalLM",  "LlamaForCausalLM",   "MptForCausalLM",
        "openai-community/gpt2",   "fork/Qwen3-8B",
    };
    static const struct {
        const char *wrong, *near;
    } row[] = {
        {"deepseek-ai/DeepSeek-V3",
         "deepseek-ai/DeepSeek-V2, deepseek-ai/DeepSeek-R1"                               }, /* the family, no gemma */
        {"Qwen/Qwen3-8C",               "Qwen/Qwen3-8B, fork/Qwen3-8B"                    },
        {"fork/Qwen3-8C",               "fork/Qwen3-8B, Qwen/Qwen3-8B"                    },
        {"Qwen3-30B",                   "Qwen/Qwen3-30B-A3B, Qwen/Qwen3-8B, fork/Qwen3-8B"}, /* begins alike */
        {"gema-2-27b",                  "google/gemma-2-27b, google/gemma-2-2b"           }, /* a slip in the family itself */
        {"org/something-else-entirely", ""                                                },
        {"Mistral-7B",                  ""                                                },
        {"Qwen9ForCausalLM",            "Qwen3ForCausalLM, Qwen2ForCausalLM"              },
        {"LamaForCausalLM",             "LlamaForCausalLM"                                },
        {"MyForCausalLM",               ""                                                }, /* the common end makes no two classes alike */
        {"",                            ""                                                },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_nearest list = {0};

        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            sf_nearest_offer(&list, sf_str_of(names[k]), sf_str_of(row[i].wrong));
        assert_str(sf_nearest_text(f->a, &list), row[i].near);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(test_nearest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
