{
  # The addon as it is released: `node-gyp rebuild`, or `prebuildify --napi --strip`. package.json
  # says "gypfile": false, so an installation never runs it. On systems without sources of their
  # own in native/os it builds nothing, and the TypeScript plane serves.
  "variables": {
    "cairn_system": "<!(node -p \"({ linux: 'linux', darwin: 'mac' })[process.platform] || 'none'\")",
    "cairn_cflags": [
      "-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden",
      "-fstack-protector-strong", "-Wall", "-Wextra", "-Wshadow"
    ]
  },
  "targets": [
    {
      "target_name": "cairn",
      "conditions": [
        ["cairn_system=='none'", { "type": "none" }, {
          "sources": [
            "<!@(node native/sources.cjs <(cairn_system) <(target_arch) addon release)"
          ],
          "include_dirs": ["native"],
          "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS"],
          "cflags!": ["-fno-exceptions", "-O3"],
          "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
          "cflags": ["-O2", "-ffunction-sections", "-fdata-sections"],
          "cflags_cc": [
            "<@(cairn_cflags)", "-D_FORTIFY_SOURCE=2", "-isystem",
            # A path may hold spaces, and make hands this to a shell.
            "'<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")'"
          ],
          "ldflags": ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,--gc-sections"],
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "HEADER_SEARCH_PATHS": ["<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")"],
            "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
            "GCC_ENABLE_CPP_RTTI": "NO",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "MACOSX_DEPLOYMENT_TARGET": "11.0"
          }
        }]
      ]
    }
  ]
}
