//! Integration tests of the office and the worker: the pure parts against tables, the flows against
//! a real unit, the real sandbox gateway and a real PostgreSQL.

mod browser;
mod person;
mod support;
mod terms;

mod administration;
mod audit;
mod away;
mod board;
mod catalogue;
mod checkins;
mod checkout;
mod claimed;
mod contacts;
mod document;
mod documents;
mod givebacks;
mod jobs;
mod late_money;
mod links;
mod notices;
mod notifying;
mod pace;
mod payments;
mod people;
mod plan_files;
mod reached;
mod refund_receipts;
mod rights;
mod sealing;
mod settings;
mod social;
mod staff;
mod staff_orders;
mod stored;
mod ticket_codes;
mod told;
mod verdicts;
mod waiting;
mod wallet;
mod worker;
mod wrong_input;
