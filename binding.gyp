{
  # The native plane has no C++ source yet (native/README.md), so there is nothing to compile:
  # this target exists to keep `node-gyp` and `prebuildify` valid commands. package.json says
  # "gypfile": false, so an installation never runs it.
  "targets": [{ "target_name": "cairn", "type": "none" }]
}
