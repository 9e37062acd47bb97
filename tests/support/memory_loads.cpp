#include "tests/support/memory_loads.hpp"

#include <sys/socket.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

namespace callcache::test
{
namespace
{

const std::string credential = sim::basic("key", "secret");

sim::vendor_options vendor_for_bytes()
{
    sim::vendor_options o;
    o.keys[credential] = {};
    o.limits = {0, 0};
    return o;
}

// What the system has taken from this port's connections and not got rid of (proc(5), /proc/net/tcp).
double unsent_megabytes(std::uint16_t port)
{
    char local[8];
    std::snprintf(local, sizeof local, ":%04X", unsigned(port));
    std::ifstream in("/proc/net/tcp");
    double bytes = 0;
    for (std::string number, from, to, state, queues, line; std::getline(in, line);)
        if (std::istringstream words(line); words >> number >> from >> to >> state >> queues && from.ends_with(local))
            bytes += double(std::stoul(queues.substr(0, 8), nullptr, 16));
    return bytes / (1 << 20);
}

// callcache that keeps what /v2/bytes/… answers.
struct loaded_proxy
{
    loaded_proxy() :
        vendor(vendor_for_bytes()),
        served(vendor.url(), folder.file("cache.db"),
               {"--set", "budget.rate=1000", "--set", "budget.burst=1000", "--set", "budget.daily=0", "--config",
                configuration(folder)})
    {
        plain_client(served.port).get("/v2/calls/undefined", credential);
        taken.idle = megabytes(served.process, "VmRSS");
    }
    static std::string configuration(const temp_folder& folder)
    {
        const std::string file = folder.file("callcache.json");
        std::ofstream(file) << R"({"cache": {"routes": [{"path": "/v2/bytes/**", "fresh": "1h"}]}})";
        return file;
    }
    memory_taken result()
    {
        taken.unsent = unsent_megabytes(served.port);
        taken.peak = megabytes(served.process, "VmHWM");
        taken.says = served.process.output();
        return taken;
    }
    static std::string request(const std::string& line, const std::string& further = "")
    {
        return line + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n" + further + "\r\n";
    }

    temp_folder folder;
    vendor_thread vendor;
    serving served;
    memory_taken taken;
};

std::string kept(std::size_t bytes, std::size_t number)
{
    return "/v2/bytes/" + std::to_string(number) + "?json=1&n=" + std::to_string(bytes);
}

bool send_all(const loopback_socket& s, std::string_view text)
{
    s.give_up_after(10);
    return send(s.fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
}

// Log-uniform: as many below 14 KiB as above.
std::size_t any_size(std::mt19937& random)
{
    return std::size_t(std::exp(std::uniform_real_distribution(std::log(200.0), std::log(double(1 << 20)))(random)));
}

}  // namespace

double megabytes(const child& process, const std::string& name)
{
    std::ifstream in("/proc/" + std::to_string(process.pid()) + "/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
    return 0;
}

memory_taken unread_hits(std::size_t tools)
{
    loaded_proxy p;
    const std::string target = kept(1'000'000, 1);
    plain_client probe(p.served.port);
    for (int times = 0; times < 2; ++times) p.taken.wrong += probe.get(target, credential).body.size() != 1'000'000;
    std::vector<loopback_socket> all;
    for (std::size_t n = 0; n < tools; ++n)
    {
        all.push_back(loopback_socket::connected(p.served.port));
        p.taken.wrong += !send_all(all.back(), p.request("GET " + target));
    }
    for (loopback_socket& s : all)  // all are being answered
    {
        char first;
        p.taken.wrong += recv(s.fd, &first, 1, 0) != 1;
    }
    p.taken.wrong += probe.get(target, credential).body.size() != 1'000'000;
    return p.result();
}

memory_taken stalled_bodies(std::size_t tools)
{
    loaded_proxy p;
    plain_client probe(p.served.port);
    const std::string all_but_one = p.request("POST /v2/calls", "Content-Length: 65536\r\n") + std::string(65'535, 'x');
    std::vector<loopback_socket> all;
    for (std::size_t n = 0; n < tools; ++n)
    {
        all.push_back(loopback_socket::connected(p.served.port));
        p.taken.wrong += !send_all(all.back(), all_but_one);
    }
    for (int times = 0; times < 100; ++times)
        p.taken.wrong += probe.get("/v2/calls/" + std::string(sim::example_id), credential).status != 200;
    return p.result();
}

memory_taken mixed_sizes(std::size_t megabytes)
{
    loaded_proxy p;
    std::atomic<std::size_t> left{megabytes << 20}, wrong{0};
    std::vector<std::thread> tools;
    for (unsigned n = 0; n < 8; ++n)
        tools.emplace_back([&, n] {
            std::mt19937 random(n + 1);
            plain_client client(p.served.port);
            client.give_up_after(30);
            std::vector<std::string> asked;
            for (std::size_t number = n; left > 0; number += 8)
            {
                const std::size_t size = any_size(random);
                asked.push_back(kept(size, number));
                wrong += client.get(asked.back(), credential).body.size() != size;
                for (int again = 0; again < 2; ++again)
                    wrong += client.get(asked[random() % asked.size()], credential).status != 200;
                left -= std::min(left.load(), size);
            }
        });
    for (std::thread& t : tools) t.join();
    p.taken.wrong += wrong;
    return p.result();
}

}  // namespace callcache::test
