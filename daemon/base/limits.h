/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every maximum of nfqdn, with its reason. What happens at each is counted (base/counters.h). */
#ifndef NFQDN_BASE_LIMITS_H
#define NFQDN_BASE_LIMITS_H

/* Addresses taken out of one DNS answer. Real answers of the catalog's names hold at most 24; 200 must work. */
#define LIMIT_ANSWER_ADDRESSES 512
/* CNAME steps followed inside one answer. Real chains have at most 6; resolvers stop between 8 and 17. */
#define LIMIT_CHAIN_STEPS 16
/* Names that an answer leaves without an address (end of the chain, SVCB targets). */
#define LIMIT_ANSWER_TARGETS 8
/* Resource records read in one message: a 64 KiB message holds at most 65,535 / 11 of them. */
#define LIMIT_MESSAGE_RECORDS 6000

/* Derived names (learn/derived.h), each with the question that led to it. A page of HTTPS lookups leaves some ten, and
 * they live for a few minutes. 1.1 MiB, of which what is not used costs nothing. */
#define LIMIT_DERIVED_NAMES 2048
/* Questions that one derived name may come from. CDN names stand behind many: an answer teaches by as many rules. */
#define LIMIT_DERIVED_ORIGINS 4
/* Answers that may stand between an allowed question and a derived name. An alias to a chain to a target are three. */
#define LIMIT_DERIVED_DEPTH 3
/* Seconds of a TTL that count for a derived name: the longest that resolvers keep by default. */
#define LIMIT_DERIVED_TTL 86400
/* So much longer than its TTL a derived name lives: the client's query leaves within the TTL (0 is lawful), and its
 * answer may take two tries of five seconds. */
#define LIMIT_DERIVED_EXTRA_MS 10000

/* Patterns a policy may hold. The node index is 32 bit; a list of 10,000 is measured by `make bench`. */
#define LIMIT_PATTERNS 100000
/* `*` inside labels that one pattern may have: bounds the states a lookup keeps. */
#define LIMIT_PATTERN_GLOBS 4
/* Trie nodes that one lookup may visit, so that no policy makes a lookup long. */
#define LIMIT_PATTERN_VISITS 256
/* Rules (entry + ports) that can match one name. More of them are a configuration nobody wrote by hand. */
#define LIMIT_NAME_MATCHES 64

/* Entries (allow and inbound) of a configuration, and groups of clients. The group is 8 bit in an element. */
#define LIMIT_ENTRIES 1024
#define LIMIT_GROUPS 32
/* NAT64 prefixes: a site has one, in a move two. Each is compared with every IPv6 address learned. */
#define LIMIT_NAT64_PREFIXES 8
/* Ports that one name may have after ranges are expanded: each is an element of a hash set for each address. */
#define LIMIT_NAME_PORTS 64
/* Characters of an nft set or chain name that we make of an administrator's name (NFT_NAME_MAXLEN is 256). */
#define LIMIT_OBJECT_NAME 64

/* Learned elements in all. Kernel memory is 141 bytes an element, ours some 160: about 30 MiB. */
#define LIMIT_LEARNED_ELEMENTS 100000
/* Parts of a full store. A client that holds more than an eighth of it, or a wildcard with more than a quarter, gives up
 * its own before others': real clients hold some hundred, real wildcards some thousand. */
#define LIMIT_CLIENT_PART 8
#define LIMIT_PATTERN_PART 4
/* Clients and wildcards told apart, each. A lane is 12 bytes, and all of them are looked through at each eviction: 1 us.
 * More of them than that share lanes. */
#define LIMIT_SHARE_LANES 1024
/* Elements that one name may have: 200 addresses on two ports are lawful. */
#define LIMIT_NAME_ELEMENTS 1024
/* Names remembered for one element: shared CDN addresses carry many names. Further ones are counted only. */
#define LIMIT_ELEMENT_NAMES 16
/* Addresses and ports whose names are remembered when they are learned no longer, for the flows that outlive them: a
 * day's worth of a busy office. 256 octets each, of which what is not used costs nothing. */
#define LIMIT_PAST_ELEMENTS 16384
/* Elements in one transaction: 64 KiB of attributes a message, 256 KiB a batch. */
#define LIMIT_BATCH_ELEMENTS 1024
/* Elements that a reload adds to interval sets in place, in the transaction of the rules: 60 us each while answers wait. */
#define LIMIT_GROWN_ELEMENTS 100
/* A comment of an element: 128 bytes in nft, less the final NUL. */
#define LIMIT_ELEMENT_COMMENT 127

/* Characters of one line of the state file with its '\n': 16 names of 1,020 characters, their TTLs, and 180 for the
 * rest. */
#define LIMIT_STATE_LINE 16896
/* Records of a state file: as many as `limits.elements` may be set to. */
#define LIMIT_STATE_RECORDS 1000000
/* Elements written to the state file in one turn of the loop: a quarter of a millisecond, so that answers do not
 * wait. */
#define LIMIT_STATE_SLICE 128
/* Elements that are compared with a new policy before the queue is looked after again: a millisecond, and no more
 * deletions than one transaction takes. */
#define LIMIT_PRUNE_SLICE 1024

/* Answers that the kernel module holds as known: as many as a busy site repeats within their TTL. 25 octets each. Of more
 * those that end first go, of the eBPF program those not asked for longest, and are looked at again. */
#define LIMIT_ASSIST_KNOWN 32768
/* Suffixes of names that the eBPF program's table holds: a policy's patterns, and derived names that were and are. When they
 * are all taken it is filled anew. Its memory is made at start, before privileges are dropped: 2 MiB, and 64 octets for each
 * that is used. */
#define LIMIT_ASSIST_SUFFIXES (LIMIT_PATTERNS + 2 * LIMIT_DERIVED_NAMES)
/* What is on its way to the kernel at once: a drain brings at most 64 known answers and 512 derived names. */
#define LIMIT_ASSIST_STAGED 512

/* Packets taken from the queue in one drain, then one transaction, then the verdicts. */
#define LIMIT_DRAIN_PACKETS 64
/* Packets that the kernel holds for us. The kernel's default, 1024, overflows in bursts. */
#define LIMIT_QUEUE_PACKETS 8192
/* Elements that one drain may add: four full transactions, or 64 answers of 32 addresses on two ports. The memory for
 * them is set aside between drains; what goes beyond is refused, and the client asks again. */
#define LIMIT_DRAIN_ELEMENTS 4096
/* Extension headers of one IPv6 packet. Linux sends at most four; each is 8 octets at least, so a packet could hold
 * thousands. */
#define LIMIT_PACKET_EXTENSIONS 8
/* Bytes of a packet that are copied: an IP packet has at most 65,535. */
#define LIMIT_PACKET_BYTES 65535

/* DNS over TCP: flows followed at once. A forwarder keeps a few, a client one for a second; resolvers serve some
 * hundred. A forgotten flow is not read until it ends, and memory that is not used costs nothing: so rather many. */
#define LIMIT_STREAM_FLOWS 4096
/* Octets from the beginning of an unfinished message that are held: the longest message (2 + 65,535) and as much
 * behind it that came early: a window without scaling. */
#define LIMIT_STREAM_WINDOW 131072
/* Octets held for all flows: 32 unfinished messages of 64 KiB, or 4,096 common ones. Twice as much in memory. */
#define LIMIT_STREAM_OCTETS (2u << 20)
/* Silence after which a flow is forgotten. Resolvers close an idle one after seconds (RFC 7766 6.2.3), rarely
 * minutes. */
#define LIMIT_STREAM_IDLE_MS 900000
/* A gap that stays open this long though segments come: the client has what we missed. A sender repeats after 0.2 to
 * 1 s and waits twice as long each time: three to five times within this. */
#define LIMIT_STREAM_GAP_MS 10000

/* Queries remembered (verify = "query"): 1,600 a second that stay unanswered. 2 MiB, of which what is not used costs
 * nothing. When they are all taken, who holds most gives up its oldest, told by LANES of clients: 1,024 are looked
 * through in half a microsecond, and clients share one rarely. */
#define LIMIT_QUERIES 16384
#define LIMIT_QUERY_LANES 1024
/* Of one flow: A, AAAA and HTTPS share a client's socket; a forwarder that asks from one port has as many as it knows
 * in the time that its resolver takes. All are looked through for each answer. */
#define LIMIT_QUERIES_FLOW 128
/* How long a query waits for its answer: resolvers try for some seconds, clients ask again after one to five. */
#define LIMIT_QUERY_MS 10000
/* Answers with a wrong id or question that the flow of a waiting query may get. Late answers to forgotten queries are
 * a few; who guesses ids needs 32,768 on average. */
#define LIMIT_QUERY_MISSES 16
/* Octets of a UDP query that are copied: headers with some extensions, and the longest question (12 + 255 + 4). */
#define LIMIT_QUERY_OCTETS 512
/* Copies that the kernel keeps for us, and that are read before a drain is judged. Where a message takes more memory
 * it keeps fewer: 6,553 on Linux 6.12. */
#define LIMIT_QUERY_COPIES 8192

/* Copies of denied packets a second, for each reason to deny, and how many at once: enough to name what a segment tries,
 * and too few for a flood to matter. The kernel denies and counts the others alone. */
#define LIMIT_DENIED_RATE 100
#define LIMIT_DENIED_BURST 200
/* Octets of a denied packet that are copied: the headers, with some extensions. */
#define LIMIT_DENIED_OCTETS 128
/* Copies that the kernel keeps for us: two seconds of every reason, and their bursts. */
#define LIMIT_DENIED_COPIES 2048
/* Copies a second of answers that the kernel passed by itself, and how many at once: enough to name what an office asks for,
 * and too few for a flood to matter; more pass and are counted (snoop_uncopied). */
#define LIMIT_NAMES_RATE 1000
#define LIMIT_NAMES_BURST 1000
/* Octets of such a packet that are copied: any answer that resolvers send over UDP (EDNS, 4096), and its headers. */
#define LIMIT_NAMES_OCTETS 4196
/* Copies that the kernel keeps for us, small ones: they are read every LIMIT_NAMES_MS, and before any denial. */
#define LIMIT_NAMES_COPIES 2048
#define LIMIT_NAMES_MS 100
/* Drains of them that are read at once before a denial is told: 256 copies, well below a millisecond. */
#define LIMIT_NAMES_TURNS 4
/* Denials remembered, told apart by client, destination, port and reason: more than anyone reads. 340 octets each, of which
 * what is not used costs nothing. */
#define LIMIT_DENIALS 2048
/* Events remembered for `nfqdnctl watch`: seconds of the busiest site, hours of most. 380 octets each, of which what is not used
 * costs nothing. */
#define LIMIT_EVENTS 4096
/* A denial is an event again when the same was not denied for this long; `denied` counts them all. */
#define LIMIT_EVENT_DENIED_MS 1000
/* Addresses whose answers are counted, for `doctor`: a site trusts a few; where any is redirected to the gateway's own
 * resolver, clients choose what they ask. All are compared with each answer at worst: a tenth of a microsecond. */
#define LIMIT_SEEN_RESOLVERS 32
/* Addresses whose last name is remembered, for reports: half a day's answers of an office. 300 octets each, of which what
 * is not used costs nothing. */
#define LIMIT_SEEN_NAMES 16384

/* Octets of a configuration: a list of 100,000 names is some 3 MiB. The parser keeps all of it in memory, several times.
 * Beyond it the start or the reload is refused, which counts as reloads_refused. */
#define LIMIT_CONFIG_OCTETS (16u << 20)
/* Groups and lists in one another in a configuration that is JSON; lawful ones have four. */
#define LIMIT_CONFIG_DEPTH 8

/* Octets of one catalog file. The largest list that a vendor publishes is 4 MB. */
#define LIMIT_CATALOG_FILE (16u << 20)
/* Rows of all catalog files together. Azure's service tags of all clouds are some 9,000; lookups among words are
 * linear. */
#define LIMIT_CATALOG_ROWS 20000
/* Characters of a service, a feature or an id in the catalog, and of the three as one key with its NUL. */
#define LIMIT_CATALOG_WORD 63
#define LIMIT_CATALOG_KEY 160
/* Errors of one catalog file that are told: one slip often stands in every row. The rest is counted. */
#define LIMIT_CATALOG_FAULTS 20

/* Octets of a vendor's list that nfqdnctl reads: four times the largest one. */
#define LIMIT_FEED_FILE (16u << 20)
/* Bad entries of a vendor's list that are told: one slip often stands in every entry. The rest is counted. */
#define LIMIT_FEED_FAULTS 20

/* Packets and their octets that are copied for `nfqdnctl record`, which reads ten times a second: a second and more of the
 * busiest site. 18 MiB, only while somebody records, of which what is not used costs nothing. */
#define LIMIT_RECORD_PACKETS 16384
#define LIMIT_RECORD_OCTETS (8u << 20)

/* Of captures that nfqdn-replay reads: octets of one packet (what tcpdump takes by default: more are damage), interfaces of
 * one section, and packets in fragments put together at once (80 KiB each). */
#define LIMIT_CAPTURE_PACKET 262144
#define LIMIT_CAPTURE_INTERFACES 1024
#define LIMIT_CAPTURE_DATAGRAMS 64
/* Flows that nfqdn-replay tells apart, to see what begins one: as many as a busy site has open. Of more the one that was
 * quiet longest begins anew. */
#define LIMIT_REPLAY_FLOWS 65536

/* One request line on the control socket; one of a client that may change what is in force, which may bring a whole
 * configuration: 16 times that is no burden, and reading it takes 10 ms. Clients at once. Counted as control_refused. */
#define LIMIT_CONTROL_REQUEST 65536
#define LIMIT_CONTROL_CHANGE (1u << 20)
#define LIMIT_CONTROL_CLIENTS 16
/* Unsent bytes of one control client before it is dropped. */
#define LIMIT_CONTROL_BACKLOG (64u << 20)

/* The gateway's own addresses that are refused as answers. */
#define LIMIT_OWN_ADDRESSES 1024

#endif
