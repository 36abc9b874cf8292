/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fqdn_hash, fqdn_parse, fqdn_pattern, fqdn_cache and fqdn_judge need, in the kernel and outside: nfqdnd, the unit
 * tests and the fuzz targets compile the very same sources.
 */
#ifndef NF_FQDN_SHIM_H
#define NF_FQDN_SHIM_H

#ifdef __KERNEL__

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/seqlock.h>
#include <linux/string.h>
#include <linux/types.h>

#define fqdn_from_le64(v) le64_to_cpu((__force __le64)(v))

#elif defined(__bpf__)

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#define memcpy __builtin_memcpy
#define memset __builtin_memset
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define fqdn_from_le64(v) __builtin_bswap64(v)
#else
#define fqdn_from_le64(v) (v)
#endif

#else

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

/* Outside the kernel nothing runs beside the one thread. */
#define seqcount_t unsigned int
#define raw_seqcount_begin(s) (*(s))
#define read_seqcount_retry(s, start) (*(s) != (start))
#define raw_write_seqcount_begin(s) ((void)++*(s))
#define raw_write_seqcount_end(s) ((void)++*(s))
#define fqdn_from_le64(v) le64toh(v)
#define READ_ONCE(v) (v)
#define WRITE_ONCE(v, to) ((v) = (to))

#endif

#endif
