"""The servers that are compared, each with a configuration made here, in front of the same vendor."""

import os
import shutil

from machine import AUTHORIZATION, BUILD, FOLDER, SERVER, Failed, Process, free_port, get, json_of, run


def program(name):
    for folder in ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    raise Failed(f"{name} is not installed")


def written(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def fresh_folder(name):
    path = os.path.join(FOLDER, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


class Bare(Process):
    def __init__(self, cpus=None, name="bare"):
        self.port = free_port()
        super().__init__(name, [os.path.join(BUILD, "tests", "bench-bare"), str(self.port)], cpus or SERVER)
        self.wait_for(self.port)

    def calls(self):
        """That it was asked for."""
        return int(get(self.port, "/count"))


def fill(name, vendor, entries, seconds=300, timed=None):
    """A database with so many calls kept, or with fewer where it takes too long; how fast the last `timed` of them."""
    path = os.path.join(FOLDER, name)
    remove_database(path)
    command = [os.path.join(BUILD, "tests", "bench-fill"), path, f"http://127.0.0.1:{vendor.port}", AUTHORIZATION,
               str(entries), str(seconds), str(timed or entries)]
    return path, json_of(run(command, seconds=seconds + 60))


def remove_database(path):
    for end in ("", "-wal", "-shm", "-lock", "-budget", "-budget-lock", "-budget-journal", "-budget-wal"):
        try:
            os.remove(path + end)
        except FileNotFoundError:
            pass


class Callcache(Process):
    """Everything at its default but for the addresses and `further`."""

    def __init__(self, vendor, database, further=(), cpus=None, name="callcache"):
        self.port, self.admin = free_port(), free_port()
        command = [os.path.join(BUILD, "callcache"), "serve", "--listen", f"127.0.0.1:{self.port}", "--admin",
                   f"127.0.0.1:{self.admin}", "--upstream", f"http://127.0.0.1:{vendor.port}", "--db", database]
        super().__init__(name, command + list(further), cpus or SERVER)
        self.wait_for(self.port)


class Haproxy(Process):
    def __init__(self, vendor, cpus=None):
        self.port = free_port()
        path = written("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 5000
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 15s
cache calls
    total-max-size 256
    max-object-size 65536
    max-age 86400
frontend tools
    bind 127.0.0.1:{self.port}
    http-request del-header authorization  # with it nothing is kept
    http-request cache-use calls
    http-response cache-store calls
    default_backend vendor
backend vendor
    server vendor 127.0.0.1:{vendor.port}
""")
        super().__init__("haproxy", [program("haproxy"), "-db", "-f", path], cpus or SERVER)
        self.wait_for(self.port)


class Nginx(Process):
    """`location` replaces what stands in the one location."""

    def __init__(self, vendor, cpus=None, location=None, further="", name="nginx"):
        self.port = free_port()
        files = fresh_folder(f"{name}-files")
        location = location or """
            proxy_cache calls;
            proxy_cache_valid 200 1d;"""
        path = written(f"{name}.conf", f"""
daemon off;
user root;
worker_processes 1;
pid {files}/pid;
error_log stderr;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {files}/body;
    proxy_temp_path {files}/temp;
    fastcgi_temp_path {files}/fastcgi;
    uwsgi_temp_path {files}/uwsgi;
    scgi_temp_path {files}/scgi;
    proxy_cache_path {files}/cache levels=1:2 keys_zone=calls:64m max_size=4g inactive=1d use_temp_path=off;
    {further}
    upstream vendor {{
        server 127.0.0.1:{vendor.port};
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{self.port};
        location / {{
            proxy_pass http://vendor;
            proxy_http_version 1.1;
            proxy_set_header Connection "";{location}
        }}
    }}
}}
""")
        super().__init__(name, [program("nginx"), "-c", path], cpus or SERVER)
        self.wait_for(self.port)


class Varnish(Process):
    def __init__(self, vendor, cpus=None):
        self.port = free_port()
        path = written("varnish.vcl", f"""
vcl 4.1;
backend vendor {{ .host = "127.0.0.1"; .port = "{vendor.port}"; }}
sub vcl_recv {{
    return (hash);  # also with Authorization
}}
sub vcl_backend_response {{
    set beresp.ttl = 1d;
}}
""")
        command = [program("varnishd"), "-F", "-j", "none", "-n", fresh_folder("varnish-files"), "-a",
                   f"127.0.0.1:{self.port}", "-T", "none", "-f", path, "-s", "malloc,1g"]
        super().__init__("varnish", command, cpus or SERVER)
        self.wait_for(self.port)


def versions():
    """Of all that are installed."""
    asked = {"callcache": [os.path.join(BUILD, "callcache"), "--version"]}
    for name, flag in (("haproxy", "-v"), ("nginx", "-v"), ("varnishd", "-V"), ("wrk", "-v")):
        asked[name] = ["sh", "-c", f'"$0" {flag} 2>&1 | head -n 1', f"{name}"]
    found = {}
    for name, command in asked.items():
        try:
            found[name] = run(command).strip().split(" Copyright")[0]
        except Failed as e:
            found[name] = f"not found: {e}"
    return found
