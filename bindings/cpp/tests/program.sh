#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# program.sh PROGRAM: runs it against a scripted mesh, and without one.

set -eu
config=$(mktemp)
trap 'rm -f "$config"' EXIT
cat >"$config" <<'END'
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: tulle.dev/v1alpha1
kind: MockEndpoint
metadata: {name: reviews-1}
spec:
  address: 10.0.0.1:80
  answers:
  - {status: 200, body: "five stars"}
END
said=$("$1" "mock:$config" http://reviews/ratings/7)
echo "$said"
[ "$said" = "200 five stars" ]
if "$1" "mock:/nowhere" http://reviews/ 2>/dev/null; then
    echo "it does not fail without a mesh"
    exit 1
fi
