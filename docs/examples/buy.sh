#!/usr/bin/env bash
# Buys two of the best seats with curl: hold, order, payment, money, tickets.
# Usage: buy.sh [http://127.0.0.1:8080] [demo-hall]
set -euo pipefail
base="${1:-http://127.0.0.1:8080}/api/v1"
event="${2:-demo-hall}"

field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
key() { cat /proc/sys/kernel/random/uuid; }
post() { # path body [token]
  curl -sS --fail-with-body -X POST "$base$1" -H "Content-Type: application/json" \
    -H "Idempotency-Key: $(key)" ${3:+-H "X-Hold-Token: $3"} -d "$2"
}

hold=$(post "/events/$event/holds" '{"best":{"number":2,"prevent_orphans":true}}')
id=$(grep -o '"id":"h[^"]*"' <<<"$hold" | head -n 1 | cut -d'"' -f4)
token=$(field token <<<"$hold")
echo "held      $id: $(grep -o '"section":[^}]*' <<<"$hold" | wc -l) seats"

order=$(post /orders "{\"hold_id\":\"$id\",\"buyer\":{\"name\":\"Anna\",\"email\":\"anna@example.org\",\"phone\":\"+79001234567\"},\"consents\":[\"personal_data\"],\"channels\":[\"email\"]}" "$token")
order_id=$(grep -o '"id":"o[^"]*"' <<<"$order" | head -n 1 | cut -d'"' -f4)
echo "ordered   $order_id"

payment=$(post "/orders/$order_id/payments" '{"provider":"sandbox","method":"bank_card","return_url":"http://127.0.0.1/return"}' "$token")
page=$(field confirmation_url <<<"$payment")
curl -sS --fail-with-body -o /dev/null -X POST "$page" -H "Content-Type: application/json" -d '{"outcome":"succeed"}'
echo "paid at   $page"

for _ in $(seq 50); do
  case "$(curl -sS "$base/orders/$order_id" -H "X-Hold-Token: $token")" in *'"status":"paid"'*) break ;; esac
  sleep 0.1
done
echo "tickets"
curl -sS "$base/orders/$order_id/tickets" -H "X-Hold-Token: $token" | grep -o '"code":"[^"]*"'
