//! Real servers: every source, every kind of account, crashes, and the clean-up after them. Each
//! test has its own data directory; those that need root say so and are empty for other users.

mod accounts;
mod crashes;
mod sources;
mod support;
