#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| superchat_fuzz::decoder::run(data));
