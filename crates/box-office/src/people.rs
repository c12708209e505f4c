//! People: accounts, passwords, sessions, codes, and what is sealed about them.
//!
//! In the flow: the office's handlers check what was typed here, and read and write accounts by
//! [`store`]. A person appears to the grid by an opaque id alone; names and addresses live in
//! PostgreSQL, sealed under the person's own key. Nothing here logs a value that was typed.

pub(crate) mod changes;
pub(crate) mod choices;
pub(crate) mod code_count;
pub(crate) mod erasure;
pub(crate) mod form;
pub(crate) mod guesses;
pub(crate) mod oidc;
pub(crate) mod orders;
pub(crate) mod passwords;
pub(crate) mod profile;
pub(crate) mod purge;
pub(crate) mod rate;
pub(crate) mod reset;
pub(crate) mod sessions;
pub(crate) mod social;
pub(crate) mod store;
pub(crate) mod totp;

mod weak;
