//! The `segmint` binary: everything it does is in the library's `cli` room.

use std::process::ExitCode;

/// A run takes and gives back hundreds of megabytes. The system's allocator hands them to the kernel each time, which
/// clears them anew page by page, and a page is 4 KiB: a quarter of the time of reading a table went there.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Its settings, which it finds by this name: large pages, and two arenas, so that threads use again what others gave back.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
// SAFETY: no other symbol has this name. The allocator takes what stands there for a pointer to a text that ends in 0,
// and the first word of a reference to bytes is one.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8] = b"thp:always,metadata_thp:auto,narenas:2\0";

fn main() -> ExitCode {
    segmint::cli::main()
}
