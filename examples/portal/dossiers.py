"""Kinds of dossiers this portal takes in: the procedure, the facts its fee depends on, and how they read."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """A procedure as a citizen sees it; `facts` are what the fee schedule asks for."""

    procedure: str
    vi: str
    en: str
    citizen: str
    facts: dict[str, str | int | bool] = field(default_factory=dict)


KINDS = (
    Kind(
        procedure="2.000488",
        vi="Cấp Phiếu lý lịch tư pháp cho công dân Việt Nam",
        en="Judicial record certificate",
        citizen="Nguyễn Thị Hoa",
        facts={"birth_date": "1990-05-20", "copies": 3},
    ),
    Kind(
        procedure="2.000815",
        vi="Chứng thực bản sao từ bản chính",
        en="Certified copies",
        citizen="Trần Văn Bình",
        facts={"pages": 4, "copies": 2},
    ),
    Kind(
        procedure="2.000884",
        vi="Chứng thực chữ ký",
        en="Certified signatures",
        citizen="Lê Thu Hà",
        facts={"documents": 2},
    ),
)
