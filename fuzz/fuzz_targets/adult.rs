#![no_main]

espalier_libfuzzer::reader!();
