/* diffusion: served models against what recipes measured, and each way to cut, shard or offload. */
#include <math.h>

#include "start_helper.h"

#include "memory/diffusion.h"

typedef struct picture_case {
    const char *pipeline, *model, *gpu;
    const char *stage; /* more keys of the stage, indented by four */
    const char *resolution;
    int64_t frames, batch;
} picture_case;

static stagefit_result *serve(fixture *f, const picture_case *c)
{
    sf_str text = sf_arena_printf(f->a, "pipeline: %s\nstages:\n  - stage_id: 0\n%s", c->pipeline,
                                  c->stage ? c->stage : "    devices: \"0\"\n");
    const char *gpus[] = {c->gpu};
    stagefit_request req = {.size = sizeof req,
                            .config_text = text.p,
                            .config_len = text.n,
                            .pipeline = c->pipeline,
                            .model = c->model,
                            .engine = "vllm-omni@2026-08",
                            .gpus = gpus,
                            .n_gpus = 1,
                            .resolution = c->resolution,
                            .frames = c->frames,
                            .batch = c->batch};
    stagefit *sf = NULL;
    stagefit_result *r = NULL;

    assert_int_equal(stagefit_open(NULL, &sf), 0);
    stagefit_check(sf, &req, &r);
    assert_non_null(r);
    assert_non_null(r->check.replay);
    stagefit_close(sf);
    return r;
}

static double gib_of(int64_t bytes)
{
    return (double)bytes / (double)SF_GIB;
}

static const sf_rank_need *first(const stagefit_result *r)
{
    return &r->check.need->stages[0].ranks[0];
}

#define TWO "    devices: \"0,1\"\n    parallel_config: {tensor_parallel_size: 2}\n"

/*
 * What recipes of vLLM-Omni measured with the request that they name: whole device, in GiB.
 * Qwen-Image-Edit: static and peak, one GPU and two (nvidia-smi); SD 3.5: peaks.
 */
static void test_recipes(void **state)
{
    static const struct {
        picture_case c;
        double used, tolerance;
    } row[] = {
        {{"qwen_image_edit", NULL, "H200", NULL, NULL, 0, 0},                                 58777 / 1024.0, 0.03},
        {{"qwen_image_edit", NULL, "H200", NULL, "1024x1024", 0, 0},                          61091 / 1024.0, 0.03},
        {{"qwen_image_edit", NULL, "2xH200", TWO, NULL, 0, 0},                                47065 / 1024.0, 0.05},
        {{"qwen_image_edit", NULL, "2xH200", TWO, "1024x1024", 0, 0},                         49377 / 1024.0, 0.05},
        {{"sd3", "stabilityai/stable-diffusion-3.5-large", "A6000", NULL, "1024", 0, 0},      31.6,           0.05},
        {{"sd3", "stabilityai/stable-diffusion-3.5-large", "A6000", NULL, "2048x2048", 0, 0}, 45.5,           0.10},
        {{"sd3", "stabilityai/stable-diffusion-3.5-medium", "A6000", NULL, "1024", 0, 0},     20.9,           0.10},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = serve(f, &row[i].c);
        double used = gib_of(r->check.replay->devices[0].used);

        if (fabs(used / row[i].used - 1) > row[i].tolerance)
            print_error("row %zu: %.2f GiB for %.2f\n", i, used, row[i].used);
        assert_true(fabs(used / row[i].used - 1) <= row[i].tolerance);
        stagefit_result_free(r);
    }
}

/* "Model loading took": BAGEL's denoiser 26.47 to 27.49; SD 3.5 medium 15.6; the saving of Qwen-Image at TP 2. */
static void test_loading(void **state)
{
    static const picture_case bagel = {"bagel_single_stage", NULL, "H100-80GB", NULL, NULL, 0, 0},
                              medium = {"sd3",   "stabilityai/stable-diffusion-3.5-medium",
                                        "A6000", NULL,
                                        NULL,    0,
                                        0},
                              one = {"qwen_image", NULL, "H200", NULL, NULL, 0, 0},
                              two = {"qwen_image", NULL, "2xH200", TWO, NULL, 0, 0};
    fixture *f = *state;
    stagefit_result *r = serve(f, &bagel), *r2;
    double w = gib_of(first(r)->part[SF_PART_WEIGHTS].bytes);

    assert_true(w > 26.47 * 0.97 && w < 27.49 * 1.03);
    stagefit_result_free(r);
    r = serve(f, &medium);
    w = gib_of(first(r)->part[SF_PART_WEIGHTS].bytes);
    assert_true(fabs(w / 15.6 - 1) < 0.03);
    stagefit_result_free(r);
    r = serve(f, &one);
    r2 = serve(f, &two);
    /* 13.59 billion parameters are divided, the modulation of every block is not */
    w = gib_of(first(r)->part[SF_PART_WEIGHTS].bytes - first(r2)->part[SF_PART_WEIGHTS].bytes);
    assert_true(fabs(w - 12.66) < 0.03);
    stagefit_result_free(r);
    stagefit_result_free(r2);
}

static double part_of(fixture *f, const picture_case *c, sf_part part)
{
    stagefit_result *r = serve(f, c);
    double x = (double)first(r)->part[part].bytes;

    stagefit_result_free(r);
    return x;
}

#define WAN "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
#define A14B ((double)14288491584u * 2)
#define UMT5 ((double)5680910336u * 2)
#define WAN_VAE ((double)126892531u * 2)

/* Offloading: what stays on the GPU, what is in host memory. */
static void test_offload(void **state)
{
    picture_case c = {"wan2_2_ti2v", WAN, "H200", NULL, NULL, 0, 0};
    fixture *f = *state;
    stagefit_result *r;
    double all = part_of(f, &c, SF_PART_WEIGHTS), block = 0;

    assert_true(fabs(all / (2 * A14B + UMT5 + WAN_VAE) - 1) < 0.01);
    c.stage = "    devices: \"0\"\n    enable_cpu_offload: true\n";
    r = serve(f, &c);
    assert_true(fabs((double)first(r)->part[SF_PART_WEIGHTS].bytes / (A14B + WAN_VAE) - 1) < 0.001);
    assert_int_equal(first(r)->host.bytes, (int64_t)(2 * A14B + UMT5));
    assert_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
    stagefit_result_free(r);
    c.stage = "    devices: \"0\"\n    enable_layerwise_offload: true\n";
    r = serve(f, &c);
    for (size_t i = 0; i < first(r)->n_shares; i++)
        if (sf_str_is(first(r)->shares[i].component, "transformer")) {
            block = (double)first(r)->shares[i].block;
            assert_true(fabs((double)first(r)->shares[i].blocks / block - 40) < 0.001);
            assert_true(fabs((double)first(r)->part[SF_PART_WEIGHTS].bytes -
                             (2 * A14B - 80 * block + 2 * block + UMT5 + WAN_VAE)) < 1e6);
            assert_int_equal(first(r)->host.bytes, (int64_t)(80 * block));
        }
    stagefit_result_free(r);
    c.stage =
        "    devices: \"0\"\n    enable_distributed_layerwise_offload: true\n    dlo_resident_layers: 10\n";
    assert_true(fabs(part_of(f, &c, SF_PART_WEIGHTS) - (2 * A14B - 68 * block + UMT5 + WAN_VAE)) < 1e6);
}

/* Sharding: HSDP and pipelines divide the denoisers alone; a load in full has to fit first. */
static void test_sharding(void **state)
{
    picture_case c = {"wan2_2_ti2v", WAN, "2xH200", NULL, NULL, 0, 0};
    fixture *f = *state;
    stagefit_result *r;
    double w;

    c.stage = "    devices: \"0,1\"\n    parallel_config: {use_hsdp: true, hsdp_shard_size: 2}\n";
    r = serve(f, &c);
    w = (double)first(r)->part[SF_PART_WEIGHTS].bytes;
    assert_true(w > A14B + UMT5 + WAN_VAE && w < A14B * 1.03 + UMT5 + WAN_VAE);
    assert_true((double)first(r)->weights_loading > 0.9 * A14B);
    stagefit_result_free(r);
    c.stage = "    devices: \"0,1\"\n    parallel_config: {pipeline_parallel_size: 2}\n";
    w = part_of(f, &c, SF_PART_WEIGHTS);
    assert_true(w > A14B + UMT5 + WAN_VAE && w < A14B * 1.03 + UMT5 + WAN_VAE);
    c.stage = "    devices: \"0,1\"\n    parallel_config: {ulysses_degree: 2}\n";
    w = part_of(f, &c, SF_PART_WEIGHTS);
    assert_true(w > 2 * A14B + UMT5 + WAN_VAE);
}

/* The law of a request: pixels, frames, batch, tiles, slices, patches, sequence parallelism. */
static void test_request(void **state)
{
    picture_case c = {"qwen_image", NULL, "2xH200", NULL, "1024x1024", 1, 1};
    fixture *f = *state;
    stagefit_result *r = serve(f, &c);
    const sf_stage_need *n = &r->check.need->stages[0];
    sf_picture p = {1024, 1024, 1, 1};
    sf_amount x, y;

    assert_int_equal(sf_diffusion_peak(f->a, n, &p, &x), SF_OK);
    assert_int_equal(x.bytes, (int64_t)1024 * 1024 * 2690 * 2);
    assert_int_equal(first(r)->part[SF_PART_REQUEST].bytes,
                     x.bytes - first(r)->part[SF_PART_ACTIVATION].bytes);
    assert_true(x.low < x.bytes && x.bytes < x.high);
    p = (sf_picture){2048, 1024, 1, 1};
    assert_int_equal(sf_diffusion_peak(f->a, n, &p, &y), SF_OK);
    assert_int_equal(y.bytes, 2 * x.bytes);
    p = (sf_picture){1024, 1024, 1, 3};
    assert_int_equal(sf_diffusion_peak(f->a, n, &p, &y), SF_OK);
    assert_int_equal(y.bytes, 3 * x.bytes);
    p.frames = 81; /* decoded in chunks of four */
    p.batch = 1;
    assert_int_equal(sf_diffusion_peak(f->a, n, &p, &y), SF_OK);
    assert_int_equal(y.bytes, 4 * x.bytes);
    stagefit_result_free(r);
    c.stage = "    devices: \"0\"\n    vae_use_tiling: true\n";
    r = serve(f, &c);
    p = (sf_picture){1024, 1024, 1, 1};
    assert_int_equal(sf_diffusion_peak(f->a, &r->check.need->stages[0], &p, &y), SF_OK);
    assert_true(y.bytes < x.bytes / 4); /* tiles of 256: denoising decides */
    stagefit_result_free(r);
    c.stage = "    devices: \"0\"\n    vae_use_slicing: true\n";
    r = serve(f, &c);
    p.batch = 3;
    assert_int_equal(sf_diffusion_peak(f->a, &r->check.need->stages[0], &p, &y), SF_OK);
    assert_int_equal(y.bytes, x.bytes);
    stagefit_result_free(r);
    /* a long video is decided by denoising, which sequence parallelism halves */
    c = (picture_case){"wan2_2_ti2v", WAN, "2xH200", "    devices: \"0\"\n    vae_use_tiling: true\n",
                       NULL,          0,   0};
    p = (sf_picture){1280, 720, 81, 1};
    r = serve(f, &c);
    assert_int_equal(sf_diffusion_peak(f->a, &r->check.need->stages[0], &p, &x), SF_OK);
    stagefit_result_free(r);
    c.stage = "    devices: \"0,1\"\n    vae_use_tiling: true\n    parallel_config: {ulysses_degree: 2}\n";
    r = serve(f, &c);
    assert_int_equal(sf_diffusion_peak(f->a, &r->check.need->stages[0], &p, &y), SF_OK);
    assert_true(fabs((double)x.bytes / (double)y.bytes - 2) < 0.01);
    stagefit_result_free(r);
}

/* A request that does not fit is no failed start: another verdict, and its own code. */
static void test_verdict(void **state)
{
    picture_case c = {"qwen_image", NULL, "H100-80GB", NULL, "4096x4096", 0, 0};
    fixture *f = *state;
    stagefit_result *r = serve(f, &c);

    assert_int_equal(r->check.replay->verdict, SF_REQUEST_FAILS);
    assert_int_equal(r->check.replay->first_failure->kind, SF_EVENT_REQUEST);
    assert_non_null(diag_of(&r->dg, SF_E_REQUEST_OOM));
    assert_adds_up(r->check.replay);
    stagefit_result_free(r);
    c.resolution = NULL;
    r = serve(f, &c);
    assert_int_equal(r->check.replay->verdict, SF_STARTS);
    assert_adds_up(r->check.replay);
    stagefit_result_free(r);
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *resolution;
        int64_t frames, batch;
    } row[] = {
        {"wide",     0,  0},
        {"1024x",    0,  0},
        {"0x10",     0,  0},
        {"-5",       0,  0},
        {"99999x10", 0,  0},
        {"1024",     -1, 0},
        {NULL,       81, 0},
    };
    static const char config[] = "pipeline: glm_image\nstages: []\n";

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const char *gpus[] = {"H200"};
        stagefit_request req = {.size = sizeof req,
                                .config_text = config,
                                .config_len = strlen(config),
                                .gpus = gpus,
                                .n_gpus = 1,
                                .resolution = row[i].resolution,
                                .frames = row[i].frames,
                                .batch = row[i].batch};
        stagefit *sf = NULL;
        stagefit_result *r = NULL;

        assert_int_equal(stagefit_open(NULL, &sf), 0);
        stagefit_check(sf, &req, &r);
        assert_non_null(diag_of(&r->dg, SF_E_USAGE));
        stagefit_result_free(r);
        stagefit_close(sf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_recipes), TEST(test_loading), TEST(test_offload),      TEST(test_sharding),
        TEST(test_request), TEST(test_verdict), TEST(test_bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
