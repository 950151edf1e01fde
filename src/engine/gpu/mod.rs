//! The engine on a GPU, through wgpu and WGSL.
