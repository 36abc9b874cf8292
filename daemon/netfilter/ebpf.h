/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf(2): maps, and one program out of an object file that the compiler has made. */
#ifndef NFQDN_NETFILTER_EBPF_H
#define NFQDN_NETFILTER_EBPF_H

#include <stddef.h>
#include <stdint.h>

/* A map of linux/bpf.h's BPF_MAP_TYPE_*. `inner`: of an array of maps, a map like those that it will hold; else -1. The
 * file descriptor, or -errno. */
int ebpf_map(unsigned int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags, int inner);
/* 0 or -errno; -E2BIG: the map is full. */
int ebpf_set(int map, const void *key, const void *value);
/* Sets `count` elements, whose keys and values stand in arrays: Linux 5.6. 0; -errno: some may be set. */
int ebpf_set_all(int map, const void *keys, const void *values, uint32_t count);
/* 0 or -errno; -ENOENT. */
int ebpf_get(int map, const void *key, void *value);
int ebpf_delete(int map, const void *key);
/* The key behind `key`, or with NULL the first; -ENOENT: there is none. `next` is another place. */
int ebpf_next(int map, const void *key, void *next);

/* What `attempt` returns when the calling thread, the only one, has no capabilities in effect; -errno. */
int ebpf_without_capabilities(int (*attempt)(int map), int map);

/* Loads the socket filter in a section of the ELF object. In it a map's address is `magic` in its upper and the
 * map's number, below `count`, in its lower half; `maps` are their file descriptors. The program's, or -errno; -EBADMSG:
 * the object is not what it should be; -EACCES and -E2BIG: the kernel's verifier does not take it. */
int ebpf_load(const void *object, size_t size, const char *name, uint32_t magic, const int *maps, size_t count);

#endif
