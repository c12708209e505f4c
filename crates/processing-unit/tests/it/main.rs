//! A real unit on loopback with a real log, driven through the typed client.

mod harness;
mod reads;
mod sells;
mod timers;
mod versions;
