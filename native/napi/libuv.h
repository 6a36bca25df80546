// The part of libuv's interface that the addon uses, which Node exports and keeps stable.
//
// Declared here, so that the addon builds with the headers of Node-API alone.
#pragma once

#include <cstddef>

extern "C" {
struct uv_loop_s;
struct uv_handle_s;
using uv_loop_t = struct uv_loop_s;
using uv_handle_t = struct uv_handle_s;

size_t uv_handle_size(int type);
void* uv_handle_get_data(const uv_handle_t* handle);
void uv_handle_set_data(uv_handle_t* handle, void* data);
void uv_close(uv_handle_t* handle, void (*closed)(uv_handle_t* handle));
void uv_ref(uv_handle_t* handle);
void uv_unref(uv_handle_t* handle);
int uv_poll_init(uv_loop_t* loop, uv_handle_t* handle, int descriptor);
int uv_poll_start(uv_handle_t* handle, int events,
                  void (*ready)(uv_handle_t* handle, int status, int events));
}

namespace cairn {

inline constexpr int UV_HANDLE_POLL = 8;
inline constexpr int UV_EVENT_READABLE = 1;

}  // namespace cairn
