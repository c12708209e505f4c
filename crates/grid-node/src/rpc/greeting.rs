//! The first frames of a connection: a hello, and the greeting or the refusal that answers it.
//!
//! The id of the answering frame tells them apart. Whoever does not even speak the protocol gets no
//! answer; a peer that is refused is told why, since only it can act on it.

use std::io;

use bytes::Bytes;

use super::frame::Frame;

const GREETING: u64 = 0;
const REFUSED: u64 = 1;
const REFUSED_FOR_GOOD: u64 = 2;
/// Longest reason sent, in bytes; the receiver replaces a character that was cut.
const REASON_BYTES_MAX: usize = 512;

/// Why a connection is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is none of ours, and is told nothing.
    #[error("{0}")]
    Stranger(String),
    /// It is told why, and may try again: what is in the way may pass.
    #[error("{0}")]
    Told(String),
    /// It is told why, and can never be let in.
    #[error("{0}")]
    ForGood(String),
}

/// Looks at the answer to a hello, on the calling side.
pub(crate) trait Greeted: Send + Sync {
    /// Whether the other side is the one that was meant.
    ///
    /// # Errors
    /// What is wrong with it; the connection is not used.
    fn greeted(&self, greeting: &Bytes) -> Result<(), String>;

    /// The other side has refused.
    fn refused(&self, refusal: &Refusal);
}

/// The frame that answers a hello.
pub(super) fn greeting(body: Bytes) -> Frame {
    Frame { id: GREETING, body }
}

/// The frame that tells of a refusal, if it is told.
pub(super) fn refusal(refusal: &Refusal) -> Option<Frame> {
    let (id, reason) = match refusal {
        Refusal::Stranger(_) => return None,
        Refusal::Told(reason) => (REFUSED, reason),
        Refusal::ForGood(reason) => (REFUSED_FOR_GOOD, reason),
    };
    let end = reason.len().min(REASON_BYTES_MAX);
    Some(Frame { id, body: Bytes::copy_from_slice(&reason.as_bytes()[..end]) })
}

/// The greeting inside an answering frame.
///
/// # Errors
/// The refusal, after `on_greeting` was told of it, or what it has against the greeting.
pub(super) fn judge(frame: Frame, on_greeting: Option<&dyn Greeted>) -> io::Result<Bytes> {
    let refused = |wrap: fn(String) -> Refusal| {
        let refusal = wrap(String::from_utf8_lossy(&frame.body).into_owned());
        if let Some(on_greeting) = on_greeting {
            on_greeting.refused(&refusal);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal))
    };
    match frame.id {
        GREETING => {
            if let Some(on_greeting) = on_greeting {
                on_greeting.greeted(&frame.body).map_err(io::Error::other)?;
            }
            Ok(frame.body)
        }
        REFUSED => refused(Refusal::Told),
        REFUSED_FOR_GOOD => refused(Refusal::ForGood),
        _ => Err(io::Error::other("an unknown answer to the hello")),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Refusal>>);

    impl Greeted for Heard {
        fn greeted(&self, greeting: &Bytes) -> Result<(), String> {
            if greeting == "right" { Ok(()) } else { Err("somebody else".into()) }
        }

        fn refused(&self, refusal: &Refusal) {
            self.0.lock().push(refusal.clone());
        }
    }

    #[test]
    fn refusals_reach_the_refused_and_strangers_hear_nothing() {
        let heard = Heard::default();
        assert_eq!(refusal(&Refusal::Stranger("x".into())), None);
        for said in [Refusal::Told("later".into()), Refusal::ForGood("never".into())] {
            let frame = refusal(&said).expect("it is told");
            let error = judge(frame, Some(&heard)).expect_err("refused").to_string();
            assert_eq!(error, said.to_string());
            assert_eq!(heard.0.lock().pop(), Some(said));
        }
    }

    #[test]
    fn only_who_was_meant_is_greeted() {
        let heard = Heard::default();
        let right = judge(greeting("right".into()), Some(&heard)).expect("the one meant");
        assert_eq!(right, "right");
        assert!(judge(greeting("wrong".into()), Some(&heard)).is_err());
        assert!(judge(greeting("wrong".into()), None).is_ok());
        assert!(judge(Frame { id: 9, body: Bytes::new() }, None).is_err());
    }
}
