#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module's decision against nfqdnd's own (kmod_diff.c) over the fuzz corpus, the shared DNS messages, mutations
# of both and a million made-up messages (NFQDN_DIFF_MESSAGES, NFQDN_TEST_SEED;
# NFQDN_DIFF_MUTATIONS of each message, by default 40); the eBPF
# program's over the first NFQDN_DIFF_PROGRAM.
# NFQDN_DIFF_LOADED=1: the module that is loaded judges them, too; it must be built with TRY=y (tests/vm/module). The shared messages stay outside the project:
# NFQDN_SHARED says where they are, by default ../shared beside the repository.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${NFQDN_BUILD:-$root/build}/tests/dns/kmod_diff
samples=${NFQDN_SHARED:-$root/../shared}/samples/dns

if [ ! -x "$program" ]; then
	echo "Bail out! $program is not built (make test-programs)"
	exit 1
fi
set -- ${NFQDN_DIFF_LOADED:+-l} ${NFQDN_TEST_SEED:+-s "$NFQDN_TEST_SEED"} -b "${NFQDN_DIFF_PROGRAM:-30000}" -m "${NFQDN_DIFF_MUTATIONS:-40}" -n "${NFQDN_DIFF_MESSAGES:-1000000}" "$root/tests/fuzz/corpus/dns_message"
if [ ! -f "$samples/cz-nic-packets.tar.gz" ]; then
	echo "# no DNS messages in $samples"
	exec "$program" "$@"
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
"$program" "$@" "$folder/packet" "$folder/captured" "$samples/c-ares-fuzzinput"
