// Callbacks of ctypes in a sandbox whose filter forbids new memory that is both writable and executable.
#pragma once

namespace executor::zygote {

/// Has libffi take 64 KiB for callbacks, which every child inherits as its own copy: room for several hundred
/// alive at once, and the only memory of a sandbox that begins writable and executable. It opens nothing that
/// ctypes does not open anyway, as what keeps a program in is the kernel's side of the sandbox. Without
/// libffi in the rootfs nothing happens. For the start of the zygote. Source: src/closures.c of libffi 3.4.
void prepare_callbacks();

}  // namespace executor::zygote
