# ANOVA and means of 40 random models by lmerTest, pbkrtest and emmeans: unbalanced, some with empty cells, some singular
# -> inference/random_models.json
suppressMessages({library(lmerTest); library(jsonlite); library(emmeans)})
emm_options(lmerTest.limit = 5000, pbkrtest.limit = 5000)
set.seed(77); out <- list()
fixed <- c("A*B+x","A+B+x","A*x+B","A*B*C","A*C+x","B*x","A*B+A:x","C")
rand <- c("(1|s)","(1|s)+(1|i)","(x|s)","(A|s)+(1|i)","(1|s/w)","(1|s)+(0+x|s)")
tight <- lmerControl(optimizer="bobyqa",optCtrl=list(rhobeg=.2,rhoend=1e-9,maxfun=1e6),check.conv.singular="ignore",check.conv.grad="ignore",check.conv.hess="ignore")
k <- 0
while (k < 40) {
  ns <- sample(6:12,1); ni <- sample(4:8,1)
  d <- expand.grid(s=paste0("s",1:ns), i=paste0("i",1:ni), w=paste0("w",1:2), KEEP.OUT.ATTRS=FALSE)
  d$A <- paste0("a", sample(2,nrow(d),TRUE)); d$B <- paste0("b", sample(3,nrow(d),TRUE)); d$C <- paste0("c",1+(as.integer(d$s)%%2))
  d$x <- round(rnorm(nrow(d))*sample(c(.01,1,50),1),5)
  d <- d[runif(nrow(d)) > runif(1,0,.4),]
  if (runif(1)<.3) d <- d[!(d$A=="a2"&d$B=="b3"),]
  d$y <- round(rnorm(ns,0,sample(0:2,1))[as.integer(d$s)] + rnorm(ni,0,sample(0:1,1))[as.integer(d$i)] + rnorm(nrow(d)) + (d$A=="a2"),5)
  d[] <- lapply(d, function(v) if (is.factor(v)) as.character(v) else v)
  f <- paste("y ~", sample(fixed,1), "+", sample(rand,1))
  m <- try(suppressWarnings(suppressMessages(lmer(as.formula(f), d, control=tight))),silent=TRUE)
  if (inherits(m,"try-error")) next
  r <- list(formula=f, data=lapply(as.list(d),I), theta=I(getME(m,"theta")), crit=-2*c(logLik(m)))
  for (t in 1:3) { a <- try(suppressMessages(anova(m,type=t)),silent=TRUE); b <- try(suppressMessages(anova(m,type=t,ddf="Ken")),silent=TRUE)
    if (!inherits(a,"try-error")&&!inherits(b,"try-error")) r[[paste0("t",t)]] <- list(row=I(rownames(a)),F=I(a[["F value"]]),df=I(a$DenDF),kF=I(b[["F value"]]),kdf=I(b$DenDF),num=I(a$NumDF)) }
  v <- intersect(c("A","B","C"), all.vars(as.formula(f)[[3]][[2]]))
  if (length(v)) { e <- try(suppressMessages(as.data.frame(emmeans(m,v[1],lmer.df="kenward-roger",data=d))),silent=TRUE)
    if (!inherits(e,"try-error")) r$em <- list(over=v[1],est=I(e$emmean),se=I(e$SE),df=I(e$df)) }
  k <- k+1; out[[k]] <- r
}
writeLines(toJSON(out,digits=I(12),auto_unbox=TRUE,na="null"),file.path("inference", "random_models.json"))
