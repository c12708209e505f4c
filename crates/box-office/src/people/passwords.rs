//! Argon2id on a small pool of its own: two at a time, a bounded number in wait, so that a crowd of
//! guesses takes neither all processors nor all memory (19 MiB each).

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use http_api::{Code, Problem};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;

/// Hashes computed at a time: some 40 ms of one processor each.
const AT_ONCE_MAX: usize = 2;
/// Requests that wait for one; at two at a time the last waits some two seconds.
const WAITING_MAX: usize = 96;

/// Hashes and checks passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// A hash of nothing anybody knows: checked where there is no account, for the same work.
    dummy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let mut unknown = [0; 32];
        // Zeroes would do as well: nobody is let in by it.
        let _ = SystemRandom::new().fill(&mut unknown);
        let dummy = hash_of(&unknown).unwrap_or_default();
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            dummy: dummy.into(),
        }
    }

    /// The hash to keep.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        let hashed = self.work(move || hash_of(password.as_bytes())).await?;
        hashed.map_err(Problem::internal)
    }

    /// The first of the hashes that the password fits. Where it fits none, the work is that of
    /// `looks_min` hashes, however few there are.
    pub(crate) async fn find(
        &self,
        password: String,
        hashes: Vec<String>,
        looks_min: usize,
    ) -> Result<Option<usize>, Problem> {
        let dummy = self.dummy.clone();
        self.work(move || {
            let found = hashes.iter().position(|hash| fits(&password, hash));
            if found.is_none() {
                for _ in hashes.len()..looks_min {
                    fits(&password, &dummy);
                }
            }
            found
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.waiting.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::new(Code::Overloaded))?;
        // The semaphores are never closed.
        let permit = self.running.clone().acquire_owned().await.map_err(Problem::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((permit, place));
            done
        });
        done.await.map_err(Problem::internal)
    }
}

/// Argon2id with 19 MiB, two passes and one lane, and a salt of its own.
pub(crate) fn hash_of(password: &[u8]) -> Result<String, String> {
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| "no random bytes".to_owned())?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| e.to_string())?;
    let hash = Argon2::default().hash_password(password, &salt).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

fn fits(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new();
        let one = passwords.hash("correct horse".into()).await.expect("hashed");
        let other = passwords.hash("correct horse".into()).await.expect("hashed");
        assert_ne!(one, other, "salted");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        let find = |password: &str, hashes: &[&String]| {
            let hashes = hashes.iter().map(|hash| (*hash).clone()).collect();
            passwords.find(password.to_owned(), hashes, 2)
        };
        let wrong = passwords.hash("battery staple".into()).await.expect("hashed");
        assert_eq!(find("correct horse", &[&wrong, &one]).await, Ok(Some(1)));
        assert_eq!(find("correct hors", &[&one]).await, Ok(None));
        assert_eq!(find("correct horse", &[]).await, Ok(None));
    }

    #[tokio::test]
    async fn a_crowd_is_turned_away_instead_of_queued_for_ever() {
        let passwords = Passwords::new();
        let all: Vec<_> = (0..WAITING_MAX)
            .map(|_| passwords.waiting.clone().try_acquire_owned().expect("a place"))
            .collect();
        let refused = passwords.hash("correct horse".into()).await.expect_err("no place left");
        assert_eq!(refused.code(), Code::Overloaded);
        drop(all);
        assert!(passwords.hash("correct horse".into()).await.is_ok());
    }
}
