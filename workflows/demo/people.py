"""The register of the demonstration desk: staff, four customer companies, their people and items."""

from typing import NamedTuple

from engine.roles import UserRole

STAFF_DOMAIN = "coverdesk.example"


class Staff(NamedTuple):
    """A member of staff."""

    key: str
    name: str
    role: UserRole


class Unit(NamedTuple):
    """An org unit, after its parent in the list."""

    code: str
    name: str
    parent: str | None = None


class Person(NamedTuple):
    """A customer: a name, the domain of the email address, and the org units, primary first."""

    name: str
    domain: str
    units: tuple[str, ...]

    @property
    def email(self) -> str:
        first, _, last = self.name.partition(" ")
        return f"{first}.{last}@{self.domain}".lower().replace(" ", "").replace("'", "")


class Thing(NamedTuple):
    """An item; the owner is an org unit's code or a person's name."""

    number: str
    name: str
    item_type: str
    owner: str


STAFF = (
    Staff("administrator", "Ada Brandt", "administrator"),
    Staff("finance", "Felix Okoro", "finance"),
    Staff("supervisor", "Sunniva Dahl", "supervisor"),
    Staff("technician", "Timo Castellan", "technician"),
    Staff("technician-2", "Priya Raman", "technician"),
    Staff("technician-3", "Jonas Weide", "technician"),
)
LOGIN_CUSTOMERS = ("Marta Heller", "Ruben Achterberg")
"""The customers who have a user account."""

UNITS = (
    Unit("LIND", "Lindqvist Papier AG"),
    Unit("LIND-BER", "Office Berlin", "LIND"),
    Unit("LIND-BER-FIN", "Finance", "LIND-BER"),
    Unit("LIND-LEJ", "Mill Leipzig", "LIND"),
    Unit("LIND-LEJ-PROD", "Production", "LIND-LEJ"),
    Unit("MF", "Marrow & Finch Architects"),
    Unit("MF-HAM", "Studio Hamburg", "MF"),
    Unit("MF-MUC", "Studio Munich", "MF"),
    Unit("MF-MUC-INT", "Interior design", "MF-MUC"),
    Unit("ROSE", "Rosenhof Clinics"),
    Unit("ROSE-N", "Clinic North", "ROSE"),
    Unit("ROSE-N-RAD", "Radiology", "ROSE-N"),
    Unit("ROSE-N-ADM", "Admissions", "ROSE-N"),
    Unit("ROSE-S", "Clinic South", "ROSE"),
    Unit("HALD", "Halden Gallery"),
    Unit("HALD-SHOP", "Museum shop", "HALD"),
)

PEOPLE = (
    Person("Marta Heller", "lindqvist.example", ("LIND-BER",)),
    Person("Oskar Lindqvist", "lindqvist.example", ("LIND",)),
    Person("Greta Sommer", "lindqvist.example", ("LIND-BER-FIN",)),
    Person("Anton Birke", "lindqvist.example", ("LIND-BER-FIN", "LIND-LEJ")),
    Person("Wiebke Thal", "lindqvist.example", ("LIND-BER",)),
    Person("Karim Yilmaz", "lindqvist.example", ("LIND-LEJ",)),
    Person("Nora Kessel", "lindqvist.example", ("LIND-LEJ-PROD",)),
    Person("Stefan Uhl", "lindqvist.example", ("LIND-LEJ-PROD",)),
    Person("Jette Marquardt", "lindqvist.example", ("LIND-LEJ",)),
    Person("Imogen Marrow", "marrowfinch.example", ("MF",)),
    Person("Tobias Finch", "marrowfinch.example", ("MF-HAM", "MF-MUC")),
    Person("Lea Hagedorn", "marrowfinch.example", ("MF-HAM",)),
    Person("Emil Strand", "marrowfinch.example", ("MF-HAM",)),
    Person("Paula Winter", "marrowfinch.example", ("MF-HAM",)),
    Person("Carlo Bianchi", "marrowfinch.example", ("MF-MUC",)),
    Person("Hanna Vogel", "marrowfinch.example", ("MF-MUC",)),
    Person("Sofie Lund", "marrowfinch.example", ("MF-MUC-INT",)),
    Person("Ruben Achterberg", "rosenhof.example", ("ROSE-N",)),
    Person("Doktor Amsel", "rosenhof.example", ("ROSE-N-RAD",)),
    Person("Mirjam Falk", "rosenhof.example", ("ROSE-N-RAD",)),
    Person("Theo Brook", "rosenhof.example", ("ROSE-N-ADM",)),
    Person("Ines Calder", "rosenhof.example", ("ROSE-N-ADM",)),
    Person("Vera Osterloh", "rosenhof.example", ("ROSE-N",)),
    Person("Malik Sarr", "rosenhof.example", ("ROSE-S",)),
    Person("Ulrike Pohl", "rosenhof.example", ("ROSE-S",)),
    Person("Bent Iversen", "rosenhof.example", ("ROSE-S",)),
    Person("Dana Petrov", "rosenhof.example", ("ROSE-S", "ROSE-N")),
    Person("Edda Halden", "haldengallery.example", ("HALD",)),
    Person("Luis Ferreira", "haldengallery.example", ("HALD",)),
    Person("Mona Gray", "haldengallery.example", ("HALD-SHOP",)),
)

SHARED = (
    Thing("LIND-SRV-01", "File server Leipzig", "server", "LIND-LEJ"),
    Thing("LIND-SRV-02", "Accounts server", "server", "LIND-BER"),
    Thing("LIND-PRN-01", "Label printer line 2", "printer", "LIND-LEJ-PROD"),
    Thing("LIND-NET-01", "Wireless Berlin", "network", "LIND-BER"),
    Thing("LIND-APP-01", "Mill control panel", "application", "LIND-LEJ-PROD"),
    Thing("MF-PLT-01", "Large plotter Hamburg", "printer", "MF-HAM"),
    Thing("MF-SRV-01", "Drawings archive", "server", "MF"),
    Thing("MF-NET-01", "Wireless Munich", "network", "MF-MUC"),
    Thing("ROSE-APP-01", "Patient register", "application", "ROSE"),
    Thing("ROSE-SRV-01", "Image store", "server", "ROSE-N-RAD"),
    Thing("ROSE-PRN-01", "Wristband printer", "printer", "ROSE-N-ADM"),
    Thing("ROSE-NET-01", "Telephone system South", "network", "ROSE-S"),
    Thing("HALD-WEB-01", "Ticket shop", "application", "HALD"),
    Thing("HALD-POS-01", "Till", "till", "HALD-SHOP"),
)
"""Items of org units, in addition to each person's own notebook."""

SUBJECTS = {
    "notebook": (
        "Does not wake up from standby", "Battery is empty after an hour", "Second screen stays dark",
        "Asks for the recovery key at each start", "Mail does not synchronize", "New phone for the mailbox",
        "Fan is loud all day", "Cannot open scanned documents", "VPN drops every few minutes",
    ),
    "server": (
        "Backup failed last night", "Disk is almost full", "Folder cannot be written to",
        "Slow since the update", "Certificate runs out next week", "Please restore last week's folder",
    ),
    "printer": (
        "Prints stripes", "Takes paper from the wrong tray", "Offline after a power cut",
        "Labels come out shifted", "Please connect it to the new network",
    ),
    "network": (
        "No reception on the third floor", "Guests cannot log in", "Calls are cut off",
        "New desk needs a socket", "Very slow around noon",
    ),
    "application": (
        "New colleague needs access", "Search finds nothing", "Report shows last month's figures",
        "Error 503 at sign-in", "Update asked for", "Two records of one person",
    ),
    "till": ("Receipt printer jams", "Card reader not found", "Day's closing does not finish"),
}  # fmt: skip

NOTES = (
    "Called back; it happens since yesterday's update.",
    "Reproduced it here.",
    "Asked for a screenshot of the message.",
    "Spare part is ordered.",
    "Will look at it on site on the next visit.",
    "Works again after a restart; watching it.",
)
REPLIES = (
    "Thank you, that helped for now.",
    "It has just happened again.",
    "I am out of office until Thursday, please ask my colleague.",
    "The picture is attached to my mail.",
)
RESOLUTIONS = (
    "Replaced the driver and tested with the customer.",
    "Freed space and set a limit; an alert is sent before it is full again.",
    "Changed the settings; explained it on the phone.",
    "Exchanged the part under warranty.",
    "Restored from backup; the customer has checked it.",
    "Access granted by the group for the department.",
)
NOT_BILLABLE = ("Our own mistake", "Goodwill", "Training of a colleague")
WORK_NOTES = ("Analysis", "Remote session", "On site", "Configuration", "Test with the customer", "Order")
