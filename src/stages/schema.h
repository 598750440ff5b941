/*
 * schema: JSON Schema (draft 7, which editors read) of both formats of stage configs, out of the same tables
 * that the readers use.
 */
#ifndef SF_STAGES_SCHEMA_H
#define SF_STAGES_SCHEMA_H

#include "stages/deployment.h"
#include "text/json_write.h"

/* Writes the schema of SF_FORMAT_LEGACY or SF_FORMAT_DEPLOY.  Code: SF_E_NOMEM. */
sf_code sf_schema_write(sf_arena *a, sf_config_format format, sf_json_writer *w);

#endif
