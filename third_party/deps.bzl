"""What konpro needs, all of it from the system: nothing is downloaded.

Another workspace embeds the library with

    local_repository(name = "konpro", path = "...")
    load("@konpro//third_party:deps.bzl", "konpro_deps")
    konpro_deps()
"""

load(":system.bzl", "system_repository")

_ABSL = {
    "base": ["base", "core_headers"],
    "container": ["flat_hash_map", "flat_hash_set", "inlined_vector"],
    "functional": ["function_ref"],
    "hash": ["hash"],
    "numeric": ["int128"],
    "random": ["random_random"],
    "status": ["status", "statusor"],
    "strings": ["strings", "cord", "str_format"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["optional", "span"],
}

def _absl_libraries():
    libraries = {}
    for package, targets in _ABSL.items():
        for target in targets:
            name = "random" if target == "random_random" else target
            libraries["absl/%s:%s" % (package, name)] = "absl_" + target
    return libraries

_WELL_KNOWN = ["any", "duration", "struct", "timestamp"]

# protobuf's map fields have two members more under gcc's thread sanitizer, which
# the system's library was not built with. This header, found before protobuf's,
# gives them the library's layout.
_MAP_FIELD = """
#include <cstddef>  // the standard library sees the sanitizer
#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
"""

_PROTOBUF_BUILD = """
exports_files(["protoc"])

config_setting(
    name = "thread_sanitizer",
    define_values = {"sanitizer": "thread"},
)

cc_library(
    name = "protobuf",
    hdrs = select({
        ":thread_sanitizer": ["tsan/google/protobuf/map_field.h"],
        "//conditions:default": [],
    }),
    includes = select({
        ":thread_sanitizer": ["tsan"],
        "//conditions:default": [],
    }),
    deps = [":system_protobuf"],
)

proto_lang_toolchain(
    name = "cc_toolchain",
    blacklisted_protos = [%s],
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
)

""" % ", ".join(['":%s_proto"' % name for name in _WELL_KNOWN]) + "".join(["""
proto_library(
    name = "%s_proto",
    srcs = ["google/protobuf/%s.proto"],
)
""" % (name, name) for name in _WELL_KNOWN])

# Bazel's own rules, under the labels of rules_cc. Options of .bazelrc come after
# those of the toolchain, so that its `--copt=-O1` would hold under `-c opt` too;
# options of a target come later still. Without `--copt=-O1`, as in a workspace
# that embeds konpro, nothing is added.
_RULES_CC_BUILD = """
package(default_visibility = ["//visibility:public"])

config_setting(
    name = "opt_after_o1",
    values = {
        "compilation_mode": "opt",
        "copt": "-O1",
    },
)
"""

_RULES_CC = """
def _copts(copts = []):
    return copts + select({
        "@rules_cc//cc:opt_after_o1": ["-O2"],
        "//conditions:default": [],
    })

def cc_library(**kwargs):
    native.cc_library(copts = _copts(kwargs.pop("copts", [])), **kwargs)

def cc_binary(**kwargs):
    native.cc_binary(copts = _copts(kwargs.pop("copts", [])), **kwargs)

def cc_test(**kwargs):
    native.cc_test(copts = _copts(kwargs.pop("copts", [])), **kwargs)

def cc_proto_library(**kwargs):
    native.cc_proto_library(**kwargs)

def cc_import(**kwargs):
    native.cc_import(**kwargs)

def cc_toolchain(**kwargs):
    native.cc_toolchain(**kwargs)

def cc_toolchain_suite(**kwargs):
    native.cc_toolchain_suite(**kwargs)
"""

_COVERAGE_BUILD = """
filegroup(name = "coverage_report_generator")

filegroup(name = "lcov_merger")
"""

def _rules():
    """Bazel's own needs: the rule repositories that it looks for by name."""
    native.local_repository(name = "platforms", path = "/usr/share/bazel/platforms")
    native.local_repository(name = "rules_java", path = "/usr/share/bazel/rules/java")
    native.local_repository(name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    system_repository(
        name = "rules_cc",
        files = {
            "cc/BUILD": _RULES_CC_BUILD,
            "cc/defs.bzl": _RULES_CC,
        },
    )
    system_repository(name = "remote_coverage_tools", build = _COVERAGE_BUILD)

def konpro_deps():
    """Defines every repository that konpro's targets name."""
    _rules()
    system_repository(
        name = "com_google_absl",
        headers = ["/usr/include/absl/time/time.h"],
        libraries = _absl_libraries(),
    )
    system_repository(
        name = "com_google_protobuf",
        build = _PROTOBUF_BUILD,
        headers = ["/usr/bin/protoc"],
        files = {"tsan/google/protobuf/map_field.h": _MAP_FIELD},
        libraries = {":system_protobuf": "protobuf"},
        links = dict(
            [
                ("google/protobuf/%s.proto" % name, "/usr/include/google/protobuf/%s.proto" % name)
                for name in _WELL_KNOWN
            ],
            protoc = "/usr/bin/protoc",
        ),
    )
    system_repository(
        name = "com_google_googletest",
        for_tests = True,
        headers = ["/usr/include/gmock/gmock.h"],
        libraries = {
            ":gtest": "gmock",
            ":gtest_main": "gmock_main",
        },
    )
    system_repository(
        name = "com_github_google_benchmark",
        for_tests = True,
        headers = ["/usr/include/benchmark/benchmark.h"],
        libraries = {":benchmark": "benchmark"},
    )
    system_repository(
        name = "cli11",
        headers = ["/usr/include/CLI/CLI.hpp"],
        libraries = {":cli11": ""},
    )
    system_repository(
        name = "libcsv",
        headers = ["/usr/include/csv.h"],
        libraries = {":csv": "-lcsv"},
    )
    system_repository(
        name = "curl",
        headers = ["/usr/bin/curl-config"],
        libraries = {":curl": "libcurl"},
    )
    system_repository(
        name = "libmicrohttpd",
        headers = ["/usr/include/microhttpd.h"],
        libraries = {":microhttpd": "libmicrohttpd"},
    )
    system_repository(
        name = "openssl",
        headers = ["/usr/include/openssl/evp.h"],
        libraries = {":crypto": "libcrypto"},
    )
    system_repository(
        name = "sqlite3",
        headers = ["/usr/include/sqlite3.h"],
        libraries = {":sqlite3": "sqlite3"},
    )
    system_repository(
        name = "zlib",
        headers = ["/usr/include/zlib.h"],
        libraries = {":zlib": "zlib"},
    )
