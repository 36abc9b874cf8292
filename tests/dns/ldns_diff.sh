#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Our parser against ldns (ldns_diff.c) over the fuzz corpus, the shared DNS messages and mutations of both. The shared messages
# stay outside the project: NFQDN_SHARED says where they are, by default ../shared beside the repository.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${NFQDN_BUILD:-$root/build}/tests/dns/ldns_diff
samples=${NFQDN_SHARED:-$root/../shared}/samples/dns

if [ ! -x "$program" ]; then
	echo "Bail out! $program is not built (make test-programs)"
	exit 1
fi
# ldns leaks on some messages that it refuses: its affair.
export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
set -- "$root/tests/fuzz/corpus/dns_message"
if [ ! -f "$samples/cz-nic-packets.tar.gz" ]; then
	exec "$program" -s "no DNS messages in $samples" "$@"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
tar -xzf "$samples/cz-nic-packets.tar.gz" -C "$folder"
# The sample is an IPv4 packet: 20 octets of IPv4 and 8 of UDP stand before the message.
mkdir "$folder/captured"
for packet in "$samples"/*.ipv4udp.bin; do
	[ ! -f "$packet" ] || tail -c +29 "$packet" >"$folder/captured/${packet##*/}"
done
# Samples that are text: that packet once more, and chains that others wrote down.
python3 "$root/tests/dns/samples.py" "$folder/captured" "$samples"/*.ipv4udp.hex "$samples"/*-chains.json
"$program" "$@" "$folder/packet" "$folder/captured" "$samples/c-ares-fuzzinput"
