// SPDX-License-Identifier: Apache-2.0
// PERDURE_THREAD_SANITIZER is defined where the compiler puts ThreadSanitizer in. For the few
// places that must help it past libraries that were built without (tests/README.md).
#pragma once

#if defined(__SANITIZE_THREAD__)
#define PERDURE_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PERDURE_THREAD_SANITIZER
#endif
#endif
