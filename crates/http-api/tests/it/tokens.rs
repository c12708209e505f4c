//! Hold tokens and key files.

use std::fs;

use http_api::token::{TokenKey, load_key_file, load_key_ring};
use inventory::{EventNo, HoldId};

#[test]
fn a_token_fits_its_hold_only() {
    let key = TokenKey::new(&[7; 32]);
    let hold = HoldId { event: EventNo(1), no: 2 };
    let token = key.token(hold);
    assert_eq!((token.len(), key.token(hold)), (24, token.clone()));
    assert!(key.verify(hold, &token));
    assert!(!key.verify(HoldId { event: EventNo(1), no: 3 }, &token));
    assert!(!key.verify(HoldId { event: EventNo(2), no: 2 }, &token));
    assert!(!TokenKey::new(&[8; 32]).verify(hold, &token));
    for wrong in ["", &token[..23], &format!("{token}="), &token.to_lowercase()] {
        assert!(!key.verify(hold, wrong), "{wrong}");
    }
    assert!(!format!("{key:?}").contains('7'));
}

#[test]
fn key_files_are_raw_or_hexadecimal() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("key");
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        load_key_file(&path)
    };
    assert_eq!(load(&[9; 32]).expect("raw"), [9; 32]);
    assert_eq!(load(&b"0a".repeat(32)).expect("hexadecimal"), [10; 32]);
    assert_eq!(load(&[b"0A".repeat(32), b"\n".to_vec()].concat()).expect("with an end"), [10; 32]);
    for wrong in [&b"short"[..], &[9; 33], &b"zz".repeat(32)] {
        let error = load(wrong).expect_err("refused").to_string();
        assert!(error.contains("32 bytes"), "{error}");
    }
    assert!(load_key_file(&dir.path().join("none")).is_err());
}

#[test]
fn a_ring_has_one_key_a_line_or_one_raw_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ring");
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        load_key_ring(&path)
    };
    assert_eq!(load(&[9; 32]).expect("raw"), [[9; 32]]);
    let line = |digits: &str| digits.repeat(32) + "\n";
    let two = load((line("0a") + "\n" + &line("0b")).as_bytes()).expect("two lines");
    assert_eq!(two, [[10; 32], [11; 32]]);
    let many = line("0a").repeat(17);
    for wrong in ["", "\n", "short\n", &(line("0a") + "zz"), &many] {
        assert!(load(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
