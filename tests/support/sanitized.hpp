// Whether sanitizers watch: then what is slow anyway is done less often.
#pragma once

namespace callcache::test
{

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace callcache::test
