//! The router against a real processing unit on loopback and a scripted office.

mod attempts;
mod client;
mod credits;
mod crowd;
mod document;
mod fresh;
mod hall;
mod holds;
mod maps;
mod office;
mod pages;
mod probes;
mod proxy;
mod queue;
mod reads;
mod rules;
mod stream;
mod system;
mod wrong;
