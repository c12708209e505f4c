//! Sealed contacts: opened only with the key, for the hold, undamaged.

use box_office::sealing::{ContactKey, SealError};
use inventory::{EventNo, HoldId};

fn hold(no: u64) -> HoldId {
    HoldId { event: EventNo(1), no }
}

#[test]
fn what_was_sealed_is_opened_and_shows_nothing() {
    let key = ContactKey::new(&[7; 32]);
    let plain = b"anna@example.org";
    let sealed = key.seal(hold(1), plain).unwrap();
    assert_eq!(key.open(hold(1), &sealed).unwrap(), plain);
    assert!(!sealed.windows(plain.len()).any(|bytes| bytes == plain));
    assert_ne!(key.seal(hold(1), plain).unwrap(), sealed, "a nonce is never used twice");
}

#[test]
fn another_hold_another_key_and_any_damage_are_refused() {
    let key = ContactKey::new(&[7; 32]);
    let sealed = key.seal(hold(1), b"contact").unwrap();
    assert_eq!(key.open(hold(2), &sealed), Err(SealError::Open));
    assert_eq!(ContactKey::new(&[8; 32]).open(hold(1), &sealed), Err(SealError::Open));
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert_eq!(key.open(hold(1), &damaged), Err(SealError::Open), "byte {at}");
        assert_eq!(key.open(hold(1), &sealed[..at]), Err(SealError::Open), "cut at {at}");
    }
}
