"""The Chinese words of docs/zh-CN/troubleshooting.md, beside those of the catalogue."""

from __future__ import annotations

HEAD = """# 故障排查

```sh
.venv/bin/python -m nas doctor --stack home
```

或者 `make doctor STACK=home`。它通过 SSH 读取 NAS，沿着下面的树检查，指出首先要修复什么，并给出对应的设置或命令。
它区分原因和后果：代理停了，它指出的是代理，而不是由此产生的 ImagePullBackOff 的 pod。它不改动、不重启、不拉取任何东西；
留下的痕迹只有网络连接，以及运行期间 NAS 的 /tmp 里存放记录的一个目录。不显示任何密码。NAS 坏了一半它也能工作，
并说明哪些没有检查、为什么。

| 选项 | |
|---|---|
| `--lang en`, `--lang zh` | 语言；不指定时使用终端的语言 |
| `--json` | 输出一个供机器读取的文档 |
| `--deadline SECONDS` | 90；在此时间内问不到的，报告为未检查 |

| 退出码 | |
|---|---|
| 0 | 一切正常 |
| 1 | 警告：现在可用，但以后会出问题 |
| 2 | 有故障，或配置被拒绝 |
| 3 | 没有发现故障，但有些检查无法进行 |

## 决策树

```text
docker pull 能工作吗？
├─ 否 ── 守护进程的配置里有代理？
│        ├─ 否 ── 修复 1：守护进程的代理（nas-k3s:proxy，pulumi up）
│        └─ 是 ── 已加载？代理可达，接受账号密码，放行镜像仓库，TLS 可信？防火墙？
└─ 是 ── k3s 在运行？
         ├─ 否 ── 端口、磁盘、内存、镜像，以及它的日志
         └─ 是 ── pod ImagePullBackOff？
                  ├─ 容器里有 HTTP_PROXY？   否 ── 修复 2（nas-k3s:proxyScope，pulumi up）
                  ├─ 有 NO_PROXY，而且够用？ 否 ── 修复 3（nas-k3s:noProxy，pulumi up）
                  └─ API、节点、DNS、证书、冒烟测试
```

其中一些检查不需要集群：时钟、内存和磁盘也是 `pulumi preview` 和 `pulumi up` 的警告；
账户、平台、端口和守护进程代理的方式在那里会导致拒绝。
代理停了、不接受登录、阻止镜像仓库，或重新签发其证书而没有设置 `caCertificatesFile` 时，
第一次 `up` 或重启 Docker 会因此失败，所以也会被拒绝；集群已经在那里时只是警告，
因为 `up` 可能什么都不改，或正在修复。没有响应的代理可能只是慢：始终只是警告。
"""

JSON = """
## JSON

`--json` 输出一个对象。删除成员或改变其含义时，`version` 会加大。

| 成员 | |
|---|---|
| `version` | 1 |
| `stack` | stack 的名称 |
| `verdict` | 最坏的一项：`ok`、`warning`、`bad`、`unknown`（有些无法检查） |
| `exitCode` | 见上 |
| `primary`, `leaf` | 首先要处理的检查，以及它发现了什么；否则为 null |
| `path` | 在树中走到它的路径：每一步的 `check` 和 `verdict` |
| `checks[].id`, `section`, `question` | 是哪一项检查 |
| `checks[].verdict`, `leaf`, `seen` | 它发现了什么，以及文字形式的证据 |
| `checks[].fix` | null，或者 `text`、`number`（修复 1、2、3 的编号，否则为 null）和 `commands` |
| `checks[].fix.commands` | 每条有 `on`（`here`、`nas`）和 `run` |
| `checks[].because` | 造成本项故障的那项检查，否则为 null |
| `seconds` | 用了多长时间 |

id 和 leaf 在每种语言里都相同；文字使用所要求的语言。
"""

SEEN = """
## 实际出现并修复

下面每一项都在[盒子里的 NAS](../lab.md) 上对一个 stack 单独做过。doctor 指出的就是这个 leaf，没有别的根源；
然后由主人做完自己的部分，再原样执行它打印的命令，在 NAS 上（`nas`）或本机（`here`）；之后 doctor 再没有要修复的。
盒子没有自己的时钟：那一行里只是告诉 doctor 另一个时间。由 `make doctor-table` 写成。

| 弄坏了什么 | leaf | doctor 看到了什么 | 如何修复 |
|---|---|---|---|
"""

CHECKS = "\n## 检查项\n\n| id | 问题 | 部分 |\n|---|---|---|\n"
LEAVES = "\n## 能发现什么\n\n| leaf | 看到什么 | 该做什么 |\n|---|---|---|\n"

WORDS = {
    "nothing on the Docker daemon is configured": "Docker 守护进程什么都没有配置",
    "k3s was started by hand, without a proxy": "手动启动了 k3s，没有代理",
    "k3s was started by hand, without NO_PROXY": "手动启动了 k3s，没有 NO_PROXY",
    "the proxy is down": "代理停了",
    "start the proxy": "启动代理",
    "the proxy has another password": "代理换了密码",
    "a rule of the NAS's firewall drops what goes to the proxy": (
        "NAS 自己的防火墙规则丢弃去往代理的数据包"
    ),
    "a firewall elsewhere drops what goes to the proxy": "别处的防火墙丢弃去往代理的数据包",
    "let the NAS through": "放行 NAS",
    "the proxy blocks the registry": "代理阻止了镜像仓库",
    "allow it in the proxy's rules": "在代理的规则里放行它",
    "the CA of a proxy that re-signs is not configured": "没有配置会重新签发证书的代理的 CA",
    "set nas-k3s:caCertificatesFile": "设置 nas-k3s:caCertificatesFile",
    "a prune took container and image": "一次 prune 清掉了容器和镜像",
    "the volume of Docker's data is full": "Docker 数据所在的卷满了",
    "delete files": "删除文件",
    "this machine's clock is an hour behind": "本机的时钟慢了一小时",
    "set the clock": "校准时钟",
    "the API's certificate ends in 12 days": "API 的证书还有 12 天到期",
    "another program has the port of the API": "别的程序占用了 API 的端口",
    "stop that program": "停掉那个程序",
    "the k3s container was stopped": "k3s 容器被停掉了",
    "the Docker daemon was killed": "Docker 守护进程被杀掉了",
    "the NAS was rebooted and lost the wrapper of docker": "NAS 重启后丢失了 docker 的包装脚本",
}
"""What was broken, and what the owner has to do: English -> Chinese. A test finds what is missing
here when a row is new."""
