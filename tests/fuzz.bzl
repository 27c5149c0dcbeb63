"""Fuzz targets: libFuzzer's with --config=fuzz, else a replay of the corpus."""

load("@rules_cc//cc:defs.bzl", "cc_test")

def fuzz_test(name, corpus, deps):
    """A target whose source is `name`.cc with LLVMFuzzerTestOneInput().

    Args:
      name: of the target.
      corpus: a folder of inputs, of which each was once worth keeping.
      deps: of the source.
    """
    cc_test(
        name = name,
        size = "small",
        srcs = [name + ".cc"] + select({
            "//tests:fuzz": [],
            "//conditions:default": ["//tests/testing:fuzz_replay.cc"],
        }),
        args = [native.package_name() + "/" + corpus],
        # The corpus is a folder of data: what is in it is replayed.
        data = native.glob([corpus + "/*"]),
        linkopts = select({
            "//tests:fuzz": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = [
            "fuzz",
            "no-tsan",
        ],
        deps = deps,
    )
