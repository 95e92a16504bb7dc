#![no_main]
// The functions in C, and what they call, are in it.
use superchat_fuzz as _;

unsafe extern "C" {
    fn superchat_fuzz_capi(bytes: *const u8, size: usize);
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // SAFETY: so many bytes are behind the pointer, and the function keeps none of them.
    unsafe { superchat_fuzz_capi(data.as_ptr(), data.len()) }
});
