/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this build has: `make WITH_SECCOMP=no` and its like leave out what a target lacks. */
#ifndef NFQDN_BASE_FEATURES_H
#define NFQDN_BASE_FEATURES_H

#ifndef NFQDN_WITH_SECCOMP
#define NFQDN_WITH_SECCOMP 1
#endif
#ifndef NFQDN_WITH_LANDLOCK
#define NFQDN_WITH_LANDLOCK 1
#endif
#ifndef NFQDN_WITH_ASSIST
#define NFQDN_WITH_ASSIST 1
#endif

#if NFQDN_WITH_SECCOMP
#define FEATURES_SECCOMP ""
#else
#define FEATURES_SECCOMP ", without seccomp"
#endif
#if NFQDN_WITH_LANDLOCK
#define FEATURES_LANDLOCK ""
#else
#define FEATURES_LANDLOCK ", without Landlock"
#endif
#if NFQDN_WITH_ASSIST
#define FEATURES_ASSIST ""
#else
#define FEATURES_ASSIST ", without kernel-assist"
#endif
/* Behind the version, for people and tests: what is left out. */
#define FEATURES_LEFT_OUT FEATURES_SECCOMP FEATURES_LANDLOCK FEATURES_ASSIST

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FEATURES_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FEATURES_SANITIZED 1
#endif
#endif
#ifndef FEATURES_SANITIZED
#define FEATURES_SANITIZED 0
#endif

#endif
