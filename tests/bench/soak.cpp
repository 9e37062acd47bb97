// A soak: tools that hang up at any point, slow readers, and a vendor that fails at random, for so many minutes.
// Memory, descriptors, flights and the queue are looked at every 30 s, and at the end, when nobody asks any more. Each
// whole answer has to be the right bytes, or an error of the contract. Asserts nothing.
//
//   soak [MINUTES]    20 by default

#include "tests/bench/phase_end.hpp"
#include "tests/support/memory_loads.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include <sys/socket.h>

using namespace callcache::test;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace
{

constexpr int tools = 24;
constexpr auto longest_answer = 15s;  // by the settings below, with a second for the machine
const std::string credential = sim::basic("key", "secret");

sim::vendor_options gong()
{
    sim::vendor_options o;
    o.keys[credential] = {};
    o.limits = {0, 0};
    o.latency = 20ms;
    o.jitter = 100ms;
    return o;
}

class soak
{
public:
    explicit soak(std::chrono::minutes length) : length_(length) {}
    void run();

private:
    struct sample
    {
        double memory = 0;  // MB
        std::size_t descriptors = 0, flights = 0, queued = 0;
    };

    // A whole request, and whether a 200's body is the right one.
    struct question
    {
        std::string bytes;
        std::function<bool(std::string_view)> is_right;
    };

    void tool(unsigned seed);
    void one_request(std::mt19937& random);
    question something(std::mt19937& random);
    void judge(const question&, std::string_view answer);
    void trouble();
    void one_trouble(std::mt19937& random);
    sample look();
    void row(const char* name, const sample&);

    const std::chrono::minutes length_;
    temp_folder folder_;
    vendor_thread vendor_{gong()};
    serving served_{vendor_.url(), folder_.file("cache.db"), {"--set", "budget.rate=50",
                                                              "--set", "budget.burst=50",
                                                              "--set", "budget.daily=0",
                                                              "--set", "budget.linger=2s",
                                                              "--set", "budget.wait_max=5s",
                                                              "--set", "server.answer_max=8s",
                                                              "--set", "server.idle_timeout=5s",
                                                              "--set", "upstream.response_timeout=2s",
                                                              "--set", "upstream.pass_timeout=3s",
                                                              "--set", "cache.memory_max=16MiB",
                                                              "--set", "cache.disk_max=16MiB",
                                                              "--set", "cache.calls.fresh_min=5s",
                                                              "--set", "cache.calls.fresh_max=10s",
                                                              "--set", "log.access=off"}};
    callcache::bench::phase_end over_, quiet_;
    std::atomic<std::size_t> asked_{0}, found_{0}, others_{0}, cut_{0}, wrong_{0}, late_{0}, troubles_{0};
};

int upto(std::mt19937& random, int most)
{
    return std::uniform_int_distribution<int>(0, most)(random);
}

void soak::run()
{
    over_.pause(1s);
    std::printf("%d tools, a vendor that fails at random, %d min\n", tools, int(length_.count()));
    std::printf("%-20s %10s %12s %8s %8s %8s %8s %8s %8s %6s %6s\n", "", "memory MB", "descriptors", "flights",
                "queued", "asked", "200", "others", "cut off", "wrong", "late");
    row("at the start", look());
    std::vector<std::thread> threads;
    for (int n = 0; n < tools; ++n) threads.emplace_back([this, n] { tool(unsigned(n)); });
    threads.emplace_back([this] { trouble(); });
    const auto begun = steady_clock::now();
    std::array<sample, 2> most{};  // of each half
    const auto samples = 2 * length_.count();
    for (auto n = 1; n <= samples; ++n)
    {
        over_.pause(begun + n * 30s - steady_clock::now());
        const sample s = look();
        sample& half = most[2 * n > samples];
        half.memory = std::max(half.memory, s.memory);
        half.descriptors = std::max(half.descriptors, s.descriptors);
        if (n % std::max<long>(samples / 10, 1) == 0) row(("after " + std::to_string(n * 30) + " s").c_str(), s);
    }
    over_.come();
    for (std::thread& t : threads) t.join();
    vendor_.tell([](sim::vendor& v) { v.script("", std::nullopt); });
    quiet_.pause(30s);  // the longest time that anything may still go on
    row("30 s after the end", look());
    std::printf("%zu times the vendor was made to fail\n", troubles_.load());
    std::printf("at most %.1f MB and %zu descriptors in the first half, %.1f MB and %zu in the second (every 30 s)\n",
                most[0].memory, most[0].descriptors, most[1].memory, most[1].descriptors);
}

soak::sample soak::look()
{
    sample s;
    s.memory = megabytes(served_.process, "VmRSS");
    std::error_code ignored;
    for (auto at =
             std::filesystem::directory_iterator("/proc/" + std::to_string(served_.process.pid()) + "/fd", ignored);
         at != std::filesystem::directory_iterator(); ++at)
        ++s.descriptors;
    const std::string stats = plain_client(served_.admin_port).get("/stats", "").body;
    auto number = [&](const std::string& key) {
        std::size_t at = stats.find("\"" + key + "\":");
        return at == std::string::npos ? 0 : std::stoul(stats.substr(at + key.size() + 3));
    };
    s.flights = number("flights");
    s.queued = number("interactive") + number("background");
    return s;
}

void soak::row(const char* name, const sample& s)
{
    std::printf("%-20s %10.1f %12zu %8zu %8zu %8zu %8zu %8zu %8zu %6zu %6zu\n", name, s.memory, s.descriptors,
                s.flights, s.queued, asked_.load(), found_.load(), others_.load(), cut_.load(), wrong_.load(),
                late_.load());
    std::fflush(stdout);
}

void soak::tool(unsigned seed)
{
    std::mt19937 random(seed);
    while (!over_.has_come()) one_request(random);
}

soak::question soak::something(std::mt19937& random)
{
    const std::string fields = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n";
    auto holds = [](std::string text) {
        return [text = std::move(text)](std::string_view body) { return body.find(text) != std::string_view::npos; };
    };
    switch (upto(random, 5))
    {
    case 0:
    {
        const std::string line = "GET /v2/users?n=" + std::to_string(upto(random, 99));
        return {line + fields + "\r\n", holds("\"operation\":\"" + line + "\"")};
    }
    case 1:
    {
        const auto size = std::size_t(upto(random, 2'000'000));
        return {"GET /v2/bytes?n=" + std::to_string(size) + fields + "\r\n", [size](std::string_view body) {
                    return body.size() == size && body.find_first_not_of('b') == std::string_view::npos;
                }};
    }
    case 2:
    {
        const std::string body(std::size_t(upto(random, 200'000)), 'x'), line = "POST /v2/users/extensive";
        return {line + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                holds("\"operation\":\"" + line + "\",\"size\":" + std::to_string(body.size()) + ",")};
    }
    default:
        const std::string id = vendor_.catalogue().id(std::uint64_t(upto(random, 5000)));
        return {"GET /v2/calls/" + id + fields + (upto(random, 9) == 0 ? "Prefer: wait=1\r\n" : "") + "\r\n",
                holds("\"call\":" + vendor_.catalogue().call(id).value_or("there is none") + "}")};
    }
}

// Of a whole answer.
void soak::judge(const question& asked, std::string_view answer)
{
    const std::string_view status = answer.substr(9, 3), body = answer.substr(answer.find("\r\n\r\n") + 4);
    if (status == "200" && asked.is_right(body)) return void(++found_);
    const bool says_when = answer.find("\r\nRetry-After: ") != std::string_view::npos;
    const bool is_own = body.find("\"errors\":[\"callcache: ") != std::string_view::npos &&
                        (status == "429" || status == "502" || status == "503" || status == "504") &&
                        (says_when || (status != "429" && status != "503"));
    const bool is_missing = status == "404" && body.find("was not found") != std::string_view::npos;
    const bool is_scripted = body.empty() && (status == "500" || status == "503" || status == "429");
    if (is_own || is_missing || is_scripted) return void(++others_);
    ++wrong_;
    std::printf("wrong: %s\n", std::string(answer.substr(0, 600)).c_str());
}

// Sends all of it or a part, reads all of the answer or a part, quickly or slowly, and goes.
void soak::one_request(std::mt19937& random)
{
    const question asked = something(random);
    const std::string& request = asked.bytes;
    loopback_socket s = loopback_socket::connected(served_.port);
    s.give_up_after(1);
    ++asked_;
    const bool is_cut = upto(random, 3) == 0;
    const std::size_t sent = is_cut ? std::size_t(upto(random, int(request.size()))) : request.size();
    for (std::size_t at = 0; at < sent;)
    {
        ssize_t n = send(s.fd, request.data() + at, sent - at, MSG_NOSIGNAL);
        if (n <= 0) break;
        at += std::size_t(n);
    }
    const auto begun = steady_clock::now();
    const auto leaves = begun + std::chrono::milliseconds(is_cut || upto(random, 2) == 0 ? upto(random, 1500) : 60'000);
    const bool is_slow = upto(random, 4) == 0;
    std::string in(is_slow ? 512 : 65536, '\0'), answer;
    bool ended = false;
    std::size_t length = std::string::npos;
    while (!ended && !over_.has_come() && steady_clock::now() < leaves &&
           steady_clock::now() < begun + 2 * longest_answer)
    {
        ssize_t n = recv(s.fd, in.data(), in.size(), 0);
        if (n < 0 && errno == EAGAIN) continue;
        ended = n <= 0;
        if (ended) break;
        answer.append(in.data(), std::size_t(n));
        std::size_t head = answer.find("\r\n\r\n"), field = answer.find("\r\nContent-Length: ");
        if (length == std::string::npos && head != std::string::npos && field < head)
            length = head + 4 + std::stoul(answer.substr(field + 18));
        if (answer.size() >= length) break;
        if (is_slow) over_.pause(std::chrono::milliseconds(upto(random, 300)));
    }
    if (sent < request.size() || answer.size() < length)
    {
        ++cut_;
        if (upto(random, 1) == 0)  // a reset in place of an end
        {
            linger hard{1, 0};
            setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
        bool gave_up_late =
            !is_slow && answer.empty() && !ended && !over_.has_come() && steady_clock::now() >= begun + longest_answer;
        if (gave_up_late && sent == request.size()) ++late_;
        return;
    }
    judge(asked, answer);
}

void soak::trouble()
{
    std::mt19937 random(1000);
    while (!over_.has_come())
    {
        one_trouble(random);
        ++troubles_;
        over_.pause(std::chrono::milliseconds(upto(random, 1000)));
    }
}

void soak::one_trouble(std::mt19937& random)
{
    const std::string id = vendor_.catalogue().id(std::uint64_t(upto(random, 5000)));
    const std::vector<sim::scripted> scripts{
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
        {"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"},
        {"HTTP/1.1 429 No\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"},
        {"", sim::then::reset},
        {"", sim::then::close},
        {"", sim::then::hang},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", sim::then::trickle},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", sim::then::reset},
        {"nonsense", sim::then::close},
    };
    const sim::scripted script = scripts[std::size_t(upto(random, int(scripts.size()) - 1))];
    const int what = upto(random, 99);  // most troubles are one id's; an outage now and then
    const std::string where = what < 5 ? "" : what < 70 ? id : "/v2/users";
    const auto lasts = std::chrono::milliseconds(upto(random, 400));
    if (what == 99)
    {
        vendor_.tell([](sim::vendor& v) { v.go_down(); });
        over_.pause(lasts);
        return vendor_.tell([](sim::vendor& v) { v.come_up(); });
    }
    vendor_.tell([&](sim::vendor& v) { v.script(where, script); });
    over_.pause(lasts);
    vendor_.tell([&](sim::vendor& v) { v.script(where, std::nullopt); });
}

}  // namespace

int main(int argc, char** argv)
{
    const int minutes = argc > 1 ? std::atoi(argv[1]) : 20;
    if (minutes <= 0) return std::fprintf(stderr, "usage: soak [MINUTES]\n"), 2;
    soak(std::chrono::minutes(minutes)).run();
}
