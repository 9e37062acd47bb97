#include "server/fetch/upstream_counts.hpp"

#include <algorithm>

namespace callcache
{

void upstream_counts::sent(const tool_names& names, std::string_view tool)
{
    ++total_.sent;
    auto [row, is_new] = total_.sent_by_tool.try_emplace(names.find(tool));
    ++row->second;
    if (is_new) fold_others(total_.sent_by_tool, names);
}

void upstream_counts::ended(upstream_kind kind, unsigned status, steady_time::duration took)
{
    bool is_status = status >= 100 && status <= 599;  // RFC 9110, section 15
    kind_totals& k = total_.by_kind[kind];
    ++k.by_status[is_status ? status : 0];
    double seconds = std::chrono::duration<double>(took).count();
    auto bucket = std::lower_bound(latency_bounds_seconds.begin(), latency_bounds_seconds.end(), seconds);
    if (bucket != latency_bounds_seconds.end()) ++k.took.within[std::size_t(bucket - latency_bounds_seconds.begin())];
    ++k.took.count;
    k.took.sum_seconds += seconds;
}

}  // namespace callcache
