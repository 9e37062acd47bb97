#include "server/admin/metrics.hpp"

#include "server/text/escape.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace callcache
{
namespace
{

using prometheus::ClientMetric;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

class families
{
public:
    void begin(std::string name, MetricType type, std::string help)
    {
        all_.push_back({std::move(name), std::move(help), type, {}});
    }

    void counter(std::string name, std::string help, double value)
    {
        begin(std::move(name), MetricType::Counter, std::move(help));
        add(value);
    }
    void gauge(std::string name, std::string help, double value)
    {
        begin(std::move(name), MetricType::Gauge, std::move(help));
        add(value);
    }

    // To the family that was begun last.
    void add(double value, labels of = {})
    {
        ClientMetric& m = next(std::move(of));
        (all_.back().type == MetricType::Counter ? m.counter.value : m.gauge.value) = value;
    }
    void add(const latency& l, labels of)
    {
        ClientMetric& m = next(std::move(of));
        m.histogram.sample_count = l.count;
        m.histogram.sample_sum = l.sum_seconds;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < latency_bounds_seconds.size(); ++i)
            m.histogram.bucket.push_back({sum += l.within[i], latency_bounds_seconds[i]});
    }
    void add(const store::work& w)
    {
        ClientMetric& m = next({});
        m.summary.sample_count = w.count;
        m.summary.sample_sum = std::chrono::duration<double>(w.took).count();
    }

    std::string text() const
    {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        prometheus::TextSerializer().Serialize(out, all_);
        return out.str();
    }

private:
    ClientMetric& next(labels of)
    {
        for (ClientMetric::Label& l : of) l.value = harmless(l.value);
        ClientMetric& m = all_.back().metric.emplace_back();
        m.label = std::move(of);
        return m;
    }
    std::vector<prometheus::MetricFamily> all_;
};

std::string text(std::string_view word)
{
    return std::string(word);
}

double seconds(wall_time t)
{
    return double(t.time_since_epoch().count()) / 1e6;
}

void add_requests(families& f, const overview& o)
{
    f.begin("callcache_requests_total", MetricType::Counter, "Requests of tools that were answered");
    for (const auto& [of, count] : o.requests.requests)
    {
        const auto& [route, how, tool] = of;
        f.add(double(count), {{"route", text(route)}, {"outcome", text(word(how))}, {"tool", tool}});
    }
    f.begin("callcache_request_seconds", MetricType::Histogram, "From a request's head to its answer");
    for (const auto& [how, took] : o.requests.seconds) f.add(took, {{"outcome", text(word(how))}});
    f.gauge("callcache_connections", "Open connections of tools", double(o.connections));
}

void add_upstream(families& f, const overview& o)
{
    const upstream_report& u = o.upstream;
    f.begin("callcache_upstream_requests_total", MetricType::Counter,
            "Requests that were sent to Gong and have ended; status none: without an answer");
    for (const auto& [kind, totals] : u.totals.by_kind)
        for (const auto& [status, count] : totals.by_status)
            f.add(double(count),
                  {{"kind", text(word(kind))}, {"status", status == 0 ? "none" : std::to_string(status)}});
    f.begin("callcache_upstream_seconds", MetricType::Histogram, "From the sending of a request to Gong to its end");
    for (const auto& [kind, totals] : u.totals.by_kind) f.add(totals.took, {{"kind", text(word(kind))}});
    f.counter("callcache_upstream_retries_total", "Requests to Gong that were sent again after a failure",
              double(u.totals.retries));
    f.gauge("callcache_upstream_connections", "Connections to Gong", double(u.connections));
    f.gauge("callcache_upstream_up", "0 while several requests in a row have failed", u.is_up);
    f.gauge("callcache_flights", "Lookups and other requests on their way to Gong, or waiting for their turn",
            double(u.flights));
    f.counter("callcache_duplicate_fetches_total",
              "API calls for a call that another credential had fetched on the same day", double(u.duplicates.total));
}

void add_budget(families& f, const overview& o)
{
    const budget_report& b = o.upstream.spending;
    if (b.daily > 0)
    {
        f.gauge("callcache_budget_day_limit", "API calls of a day (budget.daily)", double(b.daily));
        f.gauge("callcache_budget_day_remaining", "API calls that are left of the day", double(b.left));
    }
    f.gauge("callcache_budget_day_spent", "API calls that count for the day now", double(b.spent));
    f.begin("callcache_budget_day_spent_total", MetricType::Counter,
            "API calls that each tool has spent since the start; a bulk read is one");
    for (const auto& [tool, count] : o.upstream.totals.sent_by_tool) f.add(double(count), {{"tool", tool}});
    f.gauge("callcache_budget_exhausted_timestamp_seconds",
            "When the day is spent at the pace of the last hour; 0: it lasts",
            b.ends_in ? seconds(o.now + *b.ends_in) : 0);
    f.begin("callcache_budget_ration", MetricType::Gauge, "1 for how the day is rationed now");
    for (shed_level r : {shed_level::plenty, shed_level::stretched, shed_level::interactive, shed_level::spent})
        f.add(b.shedding == r, {{"ration", text(word(r))}});
    f.gauge("callcache_budget_wait_seconds", "How long a request that came now would wait for its turn",
            std::chrono::duration<double>(b.wait).count());
    f.begin("callcache_queue_length", MetricType::Gauge, "Requests that wait for their turn");
    f.add(double(b.interactive), {{"class", "interactive"}});
    f.add(double(b.background), {{"class", "background"}});
    f.gauge("callcache_paused_until_timestamp_seconds", "Until when Gong has asked to wait with a 429; 0: it has not",
            b.paused_for > duration(0) ? seconds(o.now + b.paused_for) : 0);
    if (o.certificate_end)
        f.gauge("callcache_certificate_end_timestamp_seconds", "When the certificate towards tools ends",
                seconds(*o.certificate_end));
    f.gauge("callcache_ledger_durable", "0 while the day is counted in memory alone",
            b.ledger == ledger_state::durable);
    f.gauge("callcache_ledger_ours", "0 once its lock is lost: nothing is sent to Gong any more",
            b.ledger != ledger_state::not_ours);
}

void add_bulk(families& f, const bulk_report& b)
{
    f.counter("callcache_bulk_reads_total", "Bulk reads in place of single lookups", double(b.batches));
    f.counter("callcache_bulk_calls_total", "Calls that bulk reads brought", double(b.calls));
    f.counter("callcache_bulk_fallbacks_total", "Calls that were fetched alone after a bulk read", double(b.fallbacks));
    f.counter("callcache_bulk_checks_total", "Comparisons of a bulk read with a single lookup", double(b.checks));
    f.counter("callcache_bulk_differences_total", "Comparisons in which the two differed", double(b.differences));
    f.counter("callcache_bulk_saved_api_calls_total", "API calls that bulk reads saved", double(b.saved));
}

void add_cache(families& f, const overview& o)
{
    auto tiers = [&](std::string name, MetricType type, std::string help, std::uint64_t memory, std::uint64_t disk) {
        f.begin(std::move(name), type, std::move(help));
        f.add(double(memory), {{"tier", "memory"}});
        if (o.disk_max > 0) f.add(double(disk), {{"tier", "disk"}});
    };
    tiers("callcache_entries", MetricType::Gauge, "Answers that are kept", o.memory_entries, o.disk.entries);
    tiers("callcache_bytes", MetricType::Gauge, "What they take", o.memory_bytes, o.disk.bytes);
    tiers("callcache_bytes_max", MetricType::Gauge, "What they may take", o.memory_max, o.disk_max);
    tiers("callcache_evictions_total", MetricType::Counter, "Answers that went because there were too many",
          o.memory_evicted, o.disk.evicted);
    if (o.disk_max == 0) return;
    f.gauge("callcache_database_writable", "0 while the database cannot be written", o.disk.writable);
    f.gauge("callcache_database_has_room", "0 while its files take all that they may, and nothing new is kept there",
            o.disk.has_room);
    f.gauge("callcache_database_file_bytes", "Size of its files, the log included", double(o.disk.file_bytes));
    f.gauge("callcache_database_wal_bytes", "Size of SQLite's write-ahead log", double(o.disk.log_bytes));
    f.begin("callcache_database_read_seconds", MetricType::Summary, "Reading an answer from the database");
    f.add(o.disk.reads);
    f.begin("callcache_database_commit_seconds", MetricType::Summary, "Writing a group of changes to the database");
    f.add(o.disk.commits);
}

void add_alerts(families& f, const alert_counts& a)
{
    f.begin("callcache_alerts_total", MetricType::Counter, "Alerts to the webhook (alerts.webhook_file)");
    f.add(double(a.delivered), {{"result", "delivered"}});
    f.add(double(a.given_up), {{"result", "given_up"}});
    f.counter("callcache_alert_attempts_failed_total", "Attempts to deliver an alert that failed",
              double(a.failed_attempts));
}

void add_process(families& f, const overview& o)
{
    const process_figures& p = o.process;
    f.begin("callcache_log_messages_total", MetricType::Counter, "Warnings and errors, also those that are summed up");
    f.add(double(o.warnings), {{"level", "warn"}});
    f.add(double(o.errors), {{"level", "error"}});
    f.counter("callcache_log_lines_dropped_total", "Lines of the log that were not written, as nobody read it",
              double(o.log_lines_dropped));
    f.begin("callcache_build_info", MetricType::Gauge, "1");
    f.add(1, {{"version", o.version}});
    f.gauge("process_start_time_seconds", "When callcache started", seconds(o.started));
    f.counter("process_cpu_seconds_total", "Processor time, the kernel's for it included", p.cpu_seconds);
    if (p.resident_bytes > 0)
        f.gauge("process_resident_memory_bytes", "Memory that is in RAM", double(p.resident_bytes));
    if (p.descriptors > 0) f.gauge("process_open_fds", "Open file descriptors", double(p.descriptors));
    f.gauge("process_max_fds", "File descriptors that may be open", double(p.descriptors_max));
}

}  // namespace

std::string metrics_document(const overview& o)
{
    families f;
    add_requests(f, o);
    add_upstream(f, o);
    add_budget(f, o);
    add_bulk(f, o.upstream.bulk);
    add_cache(f, o);
    if (o.alerts) add_alerts(f, *o.alerts);
    add_process(f, o);
    return f.text();
}

}  // namespace callcache
