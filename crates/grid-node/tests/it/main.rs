//! Tests of whole grids in one process: real TCP over loopback, real logs on disk, real elections.

mod basics;
mod certs;
mod controlled;
mod cut_logs;
mod divergence;
mod elastic;
mod fail_stop;
mod failover;
mod founding;
mod gaps;
mod grid;
mod leases;
mod limits;
mod many_groups;
mod mute;
mod proxy;
mod refounding;
mod routing;
mod snapshots;
mod strangers;
mod tls;
mod toy;
mod versions;
mod writer;
