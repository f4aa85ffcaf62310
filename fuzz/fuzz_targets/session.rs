#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| salotto_fuzz::session::run(data));
