#include "server/fetch/refusal_reply.hpp"

#include "server/fetch/newcomers.hpp"

#include <algorithm>
#include <cmath>

namespace callcache
{

reply refusal_reply(const refusal& r, const budget_settings& b, wall_time now)
{
    const bool is_unavailable = r.why == refusal::reason::not_ours || r.why == refusal::reason::left;
    reply answer = own_answer(is_unavailable ? 503 : 429, words_of(r, b, now));
    answer.refused_for = short_words_of(r.why);
    if (r.why == refusal::reason::left) answer.fields.emplace_back("Retry-After", "1");
    if (is_unavailable) return answer;
    std::int64_t seconds = seconds_up(wait_of(r));
    answer.fields.emplace_back("Retry-After", std::to_string(seconds));

    std::string second = "\"second\";q=" + std::to_string(b.burst) +
                         ";w=" + std::to_string(std::max(1l, std::lround(std::ceil(double(b.burst) / b.rate))));
    std::string policy = second, limit = "\"second\";r=0;t=" + std::to_string(seconds);
    bool by_day = r.why == refusal::reason::day_spent || r.why == refusal::reason::tool_spent ||
                  r.why == refusal::reason::reserved;
    if (r.why == refusal::reason::newcomer)
    {
        policy += ", \"newcomers\";q=" + std::to_string(newcomers_max(b));
        limit = "\"newcomers\";r=0;t=" + std::to_string(seconds);
    }
    if (b.daily > 0)
    {
        policy += ", \"day\";q=" + std::to_string(b.daily) + ";w=86400";
        if (by_day) limit = "\"day\";r=" + std::to_string(r.left) + ";t=" + std::to_string(seconds);
    }
    answer.fields.emplace_back("RateLimit-Policy", policy);
    answer.fields.emplace_back("RateLimit", limit);
    return answer;
}

}  // namespace callcache
