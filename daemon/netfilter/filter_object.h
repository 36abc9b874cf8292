/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object file that clang made of kmod-optional/fqdn_filter.bpf.c; of size 0 when there was no clang. */
#ifndef NFQDN_NETFILTER_FILTER_OBJECT_H
#define NFQDN_NETFILTER_FILTER_OBJECT_H

#include <stddef.h>

const void *filter_object(size_t *size);

#endif
