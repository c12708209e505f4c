//! Tests of the shop's pages from outside: what the router would serve.

mod assets;
mod html;
mod pages;
mod sample;
mod scripts;
