"""Repositories laid over libraries that the system's package manager installed.

A `system_repository` has the labels of the upstream project, so that moving to
the upstream repository is a change of WORKSPACE alone.
"""

def _install(ctx):
    """The command that installs what this repository is laid over."""
    return "third_party/install.sh --tests" if ctx.attr.for_tests else "third_party/install.sh"

def _linkopts(ctx, spec):
    """The link options of `spec`: raw options, or the name of a pkg-config module."""
    if spec == "" or spec.startswith("-"):
        return [opt for opt in spec.split(" ") if opt]
    result = ctx.execute(["pkg-config", "--libs", spec])
    if result.return_code != 0:
        fail("pkg-config knows no '%s': run %s (%s)" % (spec, _install(ctx), result.stderr))
    return [opt for opt in result.stdout.strip().split(" ") if opt]

def _system_repository_impl(ctx):
    for header in ctx.attr.headers:
        if not ctx.path(header).exists:
            fail("%s is missing: run %s" % (header, _install(ctx)))
    packages = {"": []}
    for label, spec in ctx.attr.libraries.items():
        package, name = label.split(":")
        packages.setdefault(package, []).append(
            'cc_library(name = "%s", linkopts = %s)\n' % (name, repr(_linkopts(ctx, spec))),
        )
    for path, target in ctx.attr.links.items():
        ctx.symlink(target, path)
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name)
    for path, content in ctx.attr.files.items():
        ctx.file(path, content)
    for package, rules in packages.items():
        extra = ctx.attr.build if package == "" else ""
        ctx.file(
            (package + "/BUILD").lstrip("/"),
            'package(default_visibility = ["//visibility:public"])\n' + "".join(rules) + extra,
        )

system_repository = repository_rule(
    implementation = _system_repository_impl,
    doc = "Lays upstream's labels over installed libraries.",
    local = True,
    configure = True,
    attrs = {
        "libraries": attr.string_dict(doc = "package:target -> pkg-config module, or raw link options"),
        "for_tests": attr.bool(doc = "installed by install.sh --tests alone"),
        "headers": attr.string_list(doc = "files whose absence means that install.sh has not run"),
        "links": attr.string_dict(doc = "path in the repository -> file of the system"),
        "files": attr.string_dict(doc = "path in the repository -> content"),
        "build": attr.string(doc = "what the root BUILD file says besides"),
    },
)
