-- A purchase is told, too.

alter table office.notice drop constraint notice_kind_check;
alter table office.notice add constraint notice_kind_check check (kind in ('purchase_confirmed',
    'turn_came', 'seats_moved', 'seats_removed', 'seats_refunded', 'event_cancelled',
    'event_moved', 'money_returned', 'hold_withdrawn'));
