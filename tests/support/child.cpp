#include "tests/support/child.hpp"

#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace callcache::test
{
namespace
{

void fill(int pipe)
{
    const std::string word = "not read\n";
    fcntl(pipe, F_SETFL, O_NONBLOCK);
    while (write(pipe, word.data(), word.size()) > 0)
    {}
    fcntl(pipe, F_SETFL, 0);
}

}  // namespace

child::child(const std::string& program, const std::vector<std::string>& arguments, const wishes& w)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    if (w.is_unheard) fill(ends[1]);
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = w.environment;
    variables.push_back("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    std::vector<char*> argv, envp;
    for (auto& s : words) argv.push_back(s.data());
    for (auto& s : variables) envp.push_back(s.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);

    pid_ = fork();
    if (pid_ == 0)
    {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close_range(STDERR_FILENO + 1, ~0u, 0);  // a vendor's socket that stayed open here would go on listening
        if (!w.folder.empty() && chdir(w.folder.c_str()) != 0) _exit(126);
        if (w.uid != 0 && (setgid(w.uid) != 0 || setuid(w.uid) != 0)) _exit(126);
        execve(program.c_str(), argv.data(), envp.data());
        _exit(127);
    }
    close(ends[1]);
    pipe_ = ends[0];
    if (pid_ < 0) throw std::runtime_error("no process");
}

child::~child()
{
    if (status_ == -1)
    {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    close(pipe_);
}

void child::signal(int number)
{
    if (status_ == -1) kill(pid_, number);
}

bool child::read_some(int milliseconds)
{
    pollfd p{pipe_, POLLIN, 0};
    if (poll(&p, 1, milliseconds) <= 0) return false;
    char room[65536];
    ssize_t n = ::read(pipe_, room, sizeof room);
    if (n <= 0) return false;
    output_.append(room, std::size_t(n));
    return true;
}

bool child::has_ended()
{
    int status = 0;
    if (status_ == -1 && waitpid(pid_, &status, WNOHANG) == pid_)
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_ != -1;
}

int child::wait(std::chrono::milliseconds at_most, bool reads)
{
    auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!has_ended())
    {
        if (std::chrono::steady_clock::now() > deadline) return -1;
        if (reads) output();
        poll(nullptr, 0, 1);  // for its end
    }
    if (reads) output();
    return status_;
}

int child::wait(std::chrono::milliseconds at_most)
{
    return wait(at_most, true);
}

int child::wait_without_reading(std::chrono::milliseconds at_most)
{
    return wait(at_most, false);
}

bool child::says(const std::string& text, std::chrono::milliseconds at_most)
{
    auto deadline = std::chrono::steady_clock::now() + at_most;
    while (output_.find(text) == std::string::npos)
    {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || !read_some(int(left.count()))) return output_.find(text) != std::string::npos;
    }
    return true;
}

const std::string& child::output()
{
    while (read_some(0))
    {}
    return output_;
}

finished run(const std::string& program, const std::vector<std::string>& arguments, const child::wishes& w)
{
    child c(program, arguments, w);
    int code = c.wait(std::chrono::minutes(3));
    return {code, c.output()};
}

}  // namespace callcache::test
