#!/usr/bin/env bash
# The quickstart behind `make run`: builds, starts three echo backends, controller-sync on the manifests of this
# folder and the gateway, says what to try, and ends everything on Ctrl-C.
#
# Ports and the folder can be changed by environment variables, see below. Needs: bash, curl, and what
# .ci/prerequisites checks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

http=${QUICKSTART_HTTP_PORT:-8080}
https=${QUICKSTART_HTTPS_PORT:-8443}
admin=${QUICKSTART_ADMIN_PORT:-10254}
sync_port=${QUICKSTART_SYNC_PORT:-10255}
manifests=${QUICKSTART_MANIFESTS:-$here}
# A folder of examples/ to serve besides, and the flags that it needs.
example=${EXAMPLE:+$root/examples/$EXAMPLE}
flags=()
# The ports of the backends shop, api and chat, as services.yaml says.
read -r shop api chat <<<"${QUICKSTART_ECHO_PORTS:-9001 9002 9003}"

children=()
work=""

die() {
  echo "error: $*" >&2
  exit 1
}

# Whatever way the script ends, nothing that it started stays.
finish() {
  trap - EXIT INT TERM
  if [ "${#children[@]}" -gt 0 ]; then
    kill "${children[@]}" 2>/dev/null || true
    wait "${children[@]}" 2>/dev/null || true
  fi
  [ -z "$work" ] || rm -rf "$work"
}
trap finish EXIT
trap 'echo; echo "stopping"; exit 0' INT TERM

# start NAME COMMAND...: in the background; its last words are shown if it dies.
start() {
  local name=$1
  shift
  "$@" &
  children+=($!)
  names[$!]=$name
}
declare -A names

# Finds or builds the programs: QUICKSTART_BIN names a folder that has them already.
build() {
  bin=${QUICKSTART_BIN:-}
  [ -z "$bin" ] || return 0
  "$root/.ci/prerequisites" test
  echo "building (unoptimised, quick to build; the first time takes some minutes)"
  cargo build --manifest-path "$root/Cargo.toml" --workspace --bins --locked --quiet || die "the build failed, see above"
  local target
  target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps --locked --offline |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  bin=$target/debug
}

check_ports() {
  local port
  for port in "$http" "$https" "$admin" "$sync_port" "$shop" "$api" "$chat"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      die "port $port is taken by another process; stop it, or choose other ports: QUICKSTART_HTTP_PORT, QUICKSTART_HTTPS_PORT, QUICKSTART_ADMIN_PORT, QUICKSTART_SYNC_PORT, QUICKSTART_ECHO_PORTS (three; also in services.yaml)"
    fi
  done
}

check_manifests() {
  if [ -n "$example" ]; then
    [ -d "$example" ] || die "$example is not a folder; EXAMPLE names one of $root/examples"
    read -r -a flags < <(tr '\n' ' ' <"$example/flags" 2>/dev/null || echo) || true
  fi
  [ -d "$manifests" ] || die "$manifests is not a folder; QUICKSTART_MANIFESTS names one with YAML files"
  "$bin/ingora" check "$manifests" ${example:+"$example"} || die "the manifests in $manifests have errors, see above; mend them and start again"
}

wait_ready() {
  local deadline=$((SECONDS + 30))
  until curl -fsS -o /dev/null "http://127.0.0.1:$admin/readyz" 2>/dev/null; do
    check_children
    [ "$SECONDS" -lt "$deadline" ] || die "the gateway is not ready after 30 s; what it said is above"
    sleep 0.1
  done
}

check_children() {
  local pid
  for pid in "${children[@]}"; do
    kill -0 "$pid" 2>/dev/null || die "${names[$pid]} ended; what it said is above"
  done
}

instructions() {
  cat <<TEXT

Ingora is ready: HTTP on $http, HTTPS on $https. Each line answers with what the backend received, and its name.

  # a host and its paths
  curl -H 'Host: shop.example.test' http://127.0.0.1:$http/ # shop
  curl -H 'Host: shop.example.test' http://127.0.0.1:$http/api/orders?id=7 # api: a longer prefix wins
  curl -H 'Host: shop.example.test' http://127.0.0.1:$http/api/status # chat: an exact path wins over a prefix
  curl -H 'Host: shop.example.test' http://127.0.0.1:$http/apiary # shop: a prefix ends at an element
  # a wildcard host
  curl -H 'Host: blue.tenants.example.test' http://127.0.0.1:$http/ # api
  # a host that nobody serves
  curl -i -H 'Host: nobody.example.test' http://127.0.0.1:$http/ # 404
  # TLS, verified with the example's CA, over HTTP/2
  curl --cacert $here/example-ca.crt --resolve secure.example.test:$https:127.0.0.1 https://secure.example.test:$https/ # shop
  # WebSocket: 101 Switching Protocols, then curl waits for messages until it gives up
  curl -i -N --http1.1 --max-time 1 -H 'Host: chat.example.test' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: aW5nb3JhLXF1aWNrc3RhcnQ=' http://127.0.0.1:$http/ # 101
  # what the gateway knows
  curl http://127.0.0.1:$admin/readyz # ready
  curl http://127.0.0.1:$admin/config # JSON
  curl http://127.0.0.1:$admin/metrics # Prometheus

${example:+What examples/$EXAMPLE shows stands in its README.md.
}Now edit a file in $manifests, for example shop.yaml, save it, and ask again.
Ctrl-C ends everything.

TEXT
}

build
check_ports
check_manifests
work=$(mktemp -d "${TMPDIR:-/tmp}/ingora.XXXXXX")
start "the backend shop" "$bin/ingora-echo" --name shop --listen "127.0.0.1:$shop" >/dev/null
start "the backend api" "$bin/ingora-echo" --name api --listen "127.0.0.1:$api" >/dev/null
start "the backend chat" "$bin/ingora-echo" --name chat --listen "127.0.0.1:$chat" >/dev/null
start "ingora sync" "$bin/ingora" sync --manifests "$manifests" ${example:+--manifests "$example"} "${flags[@]}" --socket "$work/sync.sock" --healthz-port "$sync_port"
start "ingora-gateway" "$bin/ingora-gateway" --socket "$work/sync.sock" --http-bind "0.0.0.0:$http" \
  --https-bind "0.0.0.0:$https" --admin-bind "127.0.0.1:$admin" --lame-duck 0 --drain-timeout 2 --log-format text
wait_ready
instructions
# Until Ctrl-C, or until one of them ends by itself.
wait -n || true
check_children
