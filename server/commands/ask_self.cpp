#include "server/commands/ask_self.hpp"

#include <openssl/ssl.h>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace callcache
{
namespace
{

constexpr std::size_t answer_bytes_max = 1 << 20;

// With or without TLS. Each step ends after the patience that the socket was given.
class connection
{
public:
    explicit connection(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
    ~connection()
    {
        if (fd_ >= 0) close(fd_);
    }
    connection(const connection&) = delete;

    // False if nothing accepts the connection.
    bool open(const addrinfo& to, std::chrono::milliseconds patience)
    {
        if (fd_ < 0) return false;
        timeval limit{patience.count() / 1000, patience.count() % 1000 * 1000};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return connect(fd_, to.ai_addr, to.ai_addrlen) == 0;
    }

    // The certificate is not verified: it is of the name that tools use, which is seldom that of loopback, and to ask
    // for the very one in the file would call callcache unready while a new pair is being put there. Nothing secret is
    // asked or told; without TLS nobody's name is known either.
    bool shake_hands()
    {
        context_.reset(SSL_CTX_new(TLS_client_method()));
        tls_.reset(context_ ? SSL_new(context_.get()) : nullptr);
        return tls_ && SSL_set_fd(tls_.get(), fd_) == 1 && SSL_connect(tls_.get()) == 1;
    }

    bool send(const std::string& text)
    {
        if (tls_) return SSL_write(tls_.get(), text.data(), int(text.size())) == int(text.size());
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
    }

    // 0 at the end, less for a failure.
    long receive(char* to, std::size_t size)
    {
        if (tls_) return SSL_read(tls_.get(), to, int(size));
        return recv(fd_, to, size, 0);
    }

    // After a step that failed. A socket whose patience is over says EAGAIN, or EINPROGRESS while it connects.
    std::string trouble() const
    {
        if (tls_) return "TLS failed, or no answer in time";
        return errno == EAGAIN || errno == EINPROGRESS ? "no answer in time" : std::strerror(errno);
    }

private:
    template<auto Free>
    struct freed_by
    {
        template<class T>
        void operator()(T* p) const
        {
            Free(p);
        }
    };
    int fd_;
    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context_;
    std::unique_ptr<SSL, freed_by<SSL_free>> tls_;
};

own_answer_read read_answer(connection& c)
{
    std::string text;
    char room[4096];
    long bytes = 0;
    while (text.size() < answer_bytes_max && (bytes = c.receive(room, sizeof room)) > 0)
        text.append(room, std::size_t(bytes));
    own_answer_read answer{0, "", "", true};
    if (text.empty()) answer.trouble = bytes < 0 ? c.trouble() : "it closed the connection";
    std::size_t head = text.find("\r\n\r\n");
    bool is_http = head != std::string::npos && std::sscanf(text.c_str(), "HTTP/1.%*d %3d", &answer.status) == 1;
    if (is_http)
        answer.body = text.substr(head + 4);
    else if (answer.trouble.empty())
        answer.trouble = "what it sends is no HTTP";
    return answer;
}

}  // namespace

own_address tools_address(const settings& s)
{
    return {*parse_host_port(s.server.listen.front()), !s.server.tls_certificate_file.empty()};
}

own_address admin_address(const settings& s)
{
    return {*parse_host_port(s.server.admin.front()), false};
}

host_port within_reach(host_port at)
{
    if (at.host == "0.0.0.0") at.host = "127.0.0.1";
    if (at.host == "::") at.host = "::1";
    return at;
}

own_answer_read ask_self(const own_address& self, std::string_view method, std::string_view target,
                         std::chrono::milliseconds patience, std::string_view token, std::string_view body)
{
    host_port at = within_reach(self.at);
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (int code = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &list); code != 0)
        return {0, "", gai_strerror(code)};
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    std::string request = std::string(method) + " " + std::string(target) +
                          " HTTP/1.1\r\nHost: localhost:" + std::to_string(at.port) +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n";
    if (!body.empty()) request += "Content-Type: application/json\r\n";
    if (!token.empty()) request += "Authorization: Bearer " + std::string(token) + "\r\n";
    request += "\r\n" + std::string(body);
    own_answer_read last{0, "", "no answer"};
    for (addrinfo* a = list; a; a = a->ai_next)
    {
        connection c(a->ai_family);
        if (!c.open(*a, patience))
        {
            if (!last.is_reached) last.trouble = c.trouble();
            continue;
        }
        if ((!self.tls || c.shake_hands()) && c.send(request))
            last = read_answer(c);
        else
            last = {0, "", c.trouble(), true};
        if (last.status != 0) return last;
    }
    return last;
}

}  // namespace callcache
