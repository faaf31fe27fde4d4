import { rows, table } from './table.ts'

/** Signs that are named wherever no other rule took them. */
export const SIGN_NAMES = table<string>(
  rows('&=and|+=plus|<=less than|>=greater than|%=percent|@=at|#=hash|$=dollar|\\=backslash|^=caret|_=underscore|/=slash'),
  [['=', 'equals']],
  rows(
    '≠=is not equal to|×=times|÷=divided by|≤=is less than or equal to|≥=is greater than or equal to|≈=is about|≡=is identical to|±=plus or minus',
  ),
  rows('∓=minus or plus|°=degrees|√=square root of|∛=cube root of|∞=infinity|∝=is proportional to|∑=sum|∏=product|∫=integral of|∂=partial'),
  rows('∇=nabla|∆=delta|∈=in|∉=not in|∋=contains|⊂=is a subset of|⊆=is a subset of|⊃=is a superset of|⊇=is a superset of|∪=union'),
  rows('∩=intersection|∅=empty set|∀=for all|∃=there exists|¬=not|∧=and|∨=or|⊕=exclusive or|⇒=implies|⇔=if and only if|∴=therefore'),
  rows('∵=because|∠=angle|⊥=is perpendicular to|∥=is parallel to|→=to|←=from|↔=to and from|↑=up|↓=down|€=euros|£=pounds|¥=yen|¢=cents'),
  rows('₹=rupees|₩=won|₽=rubles|₺=lira|₴=hryvnias|₪=shekels|₫=dong|₱=pesos|฿=baht|₦=naira|₿=bitcoin|§=section|¶=paragraph|©=copyright'),
  rows('⁻=minus|‰=per mille|†=dagger|‡=double dagger|′=prime|″=double prime'),
)

/** Signs by name where a text is read sign by sign: addresses, what is spelled out. */
export const SPELLED_SIGNS = table<string>(
  rows('.=dot|-=dash|_=underscore|/=slash|\\=backslash|@=at|#=hash|&=and|+=plus|*=star|%=percent|$=dollar|!=exclamation mark'),
  rows('?=question mark|,=comma|:=colon|;=semicolon|(=open parenthesis|)=close parenthesis'),
  [['=', 'equals']],
)

/** Greek letters, which formulas use, by name. */
export const GREEK_NAMES = table<string>(
  rows(
    'α=alpha β=beta γ=gamma δ=delta ε=epsilon ζ=zeta η=eta θ=theta ι=iota κ=kappa λ=lambda µ=mu μ=mu ν=nu ξ=xi ο=omicron π=pi ρ=rho σ=sigma ς=sigma τ=tau υ=upsilon φ=phi χ=chi ψ=psi ω=omega',
    ' ',
  ),
  rows(
    'Α=alpha Β=beta Γ=gamma Δ=delta Ε=epsilon Ζ=zeta Η=eta Θ=theta Ι=iota Κ=kappa Λ=lambda Μ=mu Ν=nu Ξ=xi Ο=omicron Π=pi Ρ=rho Σ=sigma Τ=tau Υ=upsilon Φ=phi Χ=chi Ψ=psi Ω=omega',
    ' ',
  ),
)
