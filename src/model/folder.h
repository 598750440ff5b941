/*
 * folder: a local model folder → a checkpoint: config.json, model_index.json, the index, the
 * headers of the weight files (8 + N bytes of each, never the data), sub-folders that have a
 * config of their own.  Files come in through an sf_fs.
 */
#ifndef SF_MODEL_FOLDER_H
#define SF_MODEL_FOLDER_H

#include "base/fs.h"
#include "model/model.h"

/*
 * Codes: SF_E_CONFIG_MISSING, SF_E_SHARD_MISSING (each missing shard named, up to five), those of the
 * readers, SF_E_IO.  A folder without weight files is fine: headers is then NULL.
 */
sf_code sf_folder_read(sf_arena *a, const sf_fs *fs, sf_str dir, sf_diags *dg, const sf_checkpoint **ret);

#endif
